"""Prompts for the story writer: a few words to use, and for some stories how they begin."""
import random
import re

STOP = set("""a about after again all also always am an and any are around as asked at away back be
became because been before began behind best better big but by called came can could day decided did
didn't do does don't done down each even ever every everyone everything far felt few find first for
found from gave get give go going good got great had happy has have he heard help her here him his
home how i i'm if in inside into is it it's its just kept knew know let like liked little live lived
long look looked looking lot love loved made make man many me more most mom much must my name named
near need never new next nice no not now of off oh old on once one only or other our out over people
play played put ran really sad said same saw say saying says see she should small so some something
soon started still stop take tell than thank that the their them then there they thing things think
this thought time to together told too took tried try two under until up upon us very wanted was way
we well went were what when where which while who why will wish with without would yes you your""".split())

GIRLS = """Ada Agnes Alma Amina Amy Anita Anna Asha Bella Beth Carla Carmen Cora Daisy Dana Diya Edith
Ella Elsa Emma Esther Eva Fatima Fiona Flora Freya Grace Greta Hana Hannah Hazel Helen Ida Ines Iris
Ivy Jana Jane Jenny Joan Julia June Karin Kate Kira Laila Lara Leah Lena Lina Lily Lisa Lola Lucy Maria
Mary Maya Mei Mia Mila Mina Mira Molly Nadia Nana Nina Nora Olga Olive Paula Pearl Petra Pia Priya
Rachel Rita Rosa Rose Ruby Ruth Sadie Sally Sara Selma Sofia Sonia Stella Sue Suki Tara Tess Thea Tina
Uma Vera Violet Wendy Yara Yuki Zara Zoe""".split()
BOYS = """Aaron Abdul Adam Alan Albert Ali Amir Andy Anton Arjun Arthur Ben Bill Bruno Carl Carlos
Charlie Chen Daniel David Dean Diego Dylan Eddie Eli Emil Eric Felix Finn Frank Fred Gabe George Gus
Hans Harry Hassan Henry Hugo Ian Isaac Ivan Jack Jacob James Jamal Jay Joe Joel John Jonas Jose Juan
Kai Karl Ken Kofi Leo Leon Liam Louis Luca Luke Marco Mark Martin Matt Max Mike Milo Nick Noah Oliver
Omar Oscar Otto Owen Pablo Paul Pedro Peter Ravi Ray Robin Rohan Sam Samir Saul Simon Stan Tariq Ted
Theo Tim Tobias Tom Tony Umar Victor Walter Will Yusuf Zach""".split()
PETS = """Bandit Barney Biscuit Blue Bobo Bramble Bubbles Buster Button Chip Cleo Clover Coco Cookie
Dash Dot Dusty Fern Fluffy Fuzzy Ginger Hop Jingle Kiki Luna Mango Maple Misty Momo Muffin Nibbles Nutmeg
Oscar Patch Peanut Pebble Pepper Pickle Pip Pippin Pogo Poppy Quill Remy Rocky Rusty Scout Shadow Smoky
Snowy Spark Speedy Spike Sunny Tango Teddy Tiny Toto Tumble Twig Waddles Whiskers Willow Ziggy""".split()
ANIMALS = """ant bat bear beaver bee beetle bird bull bunny butterfly camel cat caterpillar chick chicken
cow crab crow deer dog dolphin donkey dragon duck elephant fish fox frog giraffe goat goose hamster
hedgehog hen horse kangaroo kitten ladybug lamb lion lizard monkey moth mouse octopus otter owl panda
parrot penguin pig pigeon pony puppy rabbit rat robin rooster seal shark sheep snail snake spider
squirrel swan tiger toad turtle whale wolf worm zebra""".split()
PEOPLE = """artist baker boy builder captain carpenter clown cook cowboy dancer doctor driver farmer
fisherman gardener girl hunter king knight man mailman nurse painter pilot pirate policeman prince
princess queen sailor shopkeeper singer soldier tailor teacher witch wizard woman""".split()
KINDS = """brave busy careful cheerful clever clumsy curious forgetful friendly funny gentle greedy
grumpy honest hungry impatient jealous kind lazy lonely lucky mean noisy old patient poor proud quiet
rich sad shy silly sleepy small stubborn tall thin tiny tired wise worried young""".split()
PLACES = """barn beach bridge castle cave city desert farm field forest garden hill house island jungle
kitchen lake library market meadow mountain park playground pond river school sea shop street town
valley village wood yard zoo""".split()
TIMES = """One morning|One evening|One night|One afternoon|One summer|One winter day|One rainy day|One
sunny morning|One cold night|Last week|Last summer|Yesterday|Today|On Monday|On Saturday|On Sunday|In the
spring|In the middle of the night|Early in the morning|After school|After lunch|Before bed|Every
day|Every morning|Every evening|Many years ago|A long time ago|Long ago|At noon|It was late|It was
autumn|It was raining|It was snowing|It was a windy day|It was a hot day|It was almost dark""".replace(
    "\n", " ").split("|")
PLAIN = """The|A|An|There was|There were|In|At|On|When|It|It was|He|She|They|I|We|My|Our|Nobody|Everyone|
Some|Two|Three|Far|Deep in|High up in|Under|Near|Behind|Next to|Inside|Mom|Dad|Grandma|Grandpa|The
teacher|The children|The old|The little|The sun|The moon|The wind|The snow|The rain|The door|The king|The
two friends|My name is|My best friend|My brother|My sister|I have|I like|If|"I|"Look|"Where|"What|"Can
|"Please|"Do you|"Mom|"Who|"Come|"Why|Dear|Dear Grandma|Dear friend|Once|Once there was|Once upon a
time|All the|Each|Not|No one|Nothing|Here|This is|Do you know""".replace("\n", " ").split("|")


def content_words(text: str) -> list[str]:
    """The words of a story that say what it is about, names among them."""
    words = re.findall(r"[A-Za-z']+", text)
    names = {w for w in re.findall(r"[a-z,] ([A-Z][a-z]+)", text)}
    plain = {w for w in words if w.islower() and len(w) > 2 and w not in STOP and "'" not in w}
    return sorted(plain) + sorted(n for n in names if n.lower() not in STOP)


def opening(rng: random.Random) -> str:
    """How a story begins: nothing, a word or two, or a good part of the first sentence."""
    name = rng.choice(rng.choice((GIRLS, BOYS)))
    other = rng.choice(rng.choice((GIRLS, BOYS)))
    pet, kind = rng.choice(PETS), rng.choice(KINDS)
    who = rng.choice(rng.choice((ANIMALS, PEOPLE)))
    place, when = rng.choice(PLACES), rng.choice(TIMES)
    an = "an" if kind[0] in "aeiou" else "a"
    plain = rng.choice(PLAIN).strip()
    return rng.choice((
        "", "", plain, plain, plain, plain, name, f"{name} and {other}", f"{name}'s",
        f"{when}", f"{when}, {name}", f"{when}, a {who}" if who[0] not in "aeiou" else when,
        f"There once was {an} {kind} {who}", f"Once upon a time, in a {place}",
        f"Once upon a time, there was {an} {kind} {who}", f"Once upon a time, {an} {kind} {who}",
        f"Once upon a time, there lived {an} {kind} {who}", f"Once upon a time, {name}",
        f"In a {place}", f"Near the {place}", f"Behind the {place}", f"At the {place}, {name}",
        f"{pet} was", f"{pet} the {who}", f"The {kind} {who}", f"The {who} and the", f"{an.title()} "
        f"{kind} {who}", f"The {who}", f"{name} had", f"{name} was", f"{name} lived", f"{name} wanted",
        f"{name} did not", f"{name} loved", f"The {place} was", f"\"{name}", f"Dear {name},",
        f"Every {rng.choice(('day', 'night', 'summer', 'winter', 'week'))}, the {who}",
    ))


def make_prompt(rng: random.Random, words: dict) -> tuple[str, str]:
    """(head, opening): the head names words for the story, the opening is its first words."""
    chosen = rng.choices(words["words"], words["weights"], k=rng.choice((2, 3, 3, 4)))
    if rng.random() < 0.6:
        chosen.append(rng.choice(rng.choice((GIRLS, BOYS, PETS))))
    rng.shuffle(chosen)
    return head(chosen), opening(rng)


def head(words: list[str]) -> str:
    return "<|im_start|>" + ", ".join(words) + "\n"
