// A checkpoint's template is recognised by what it writes, however it is worded; whatever writes
// otherwise, be it by one byte, is refused with the place where it parts.
#include "chat/recognise.hpp"

#include <catch2/catch.hpp>

#include "family.hpp"

using Catch::Matchers::Contains;

namespace {

// Templates in our own words.
const std::string kChatml =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ "
    "'<|im_start|>assistant\\n' }}{% endif %}";
const std::string kChatmlWithSystem =
    "{%- if messages[0].role != \"system\" %}\n  {{- \"<|im_start|>system\\nYou are a "
    "test.<|im_end|>\\n\" }}\n{%- endif %}\n" +
    kChatml;
const std::string kLlama3 =
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>"
    "assistant<|end_header_id|>\n\n{% endif %}";
const std::string kDated =
    "{% set ns = namespace(system='') %}{% set rest = messages %}"
    "{% if messages[0].role == 'system' %}{% set ns.system = messages[0].content.strip() %}"
    "{% set rest = messages[1:] %}{% endif %}{{ bos_token }}<|start_header_id|>system"
    "<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: "
    "{{ date_string if date_string is defined else DATE }}\n\n{{ ns.system }}<|eot_id|>"
    "{%- for m in rest %}{{ '<|start_header_id|>' ~ m.role ~ '<|end_header_id|>\\n\\n' ~ "
    "m.content|trim ~ '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}";
const std::string kOlmo2 =
    "{{ bos_token }}{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content }}"
    "{{ eos_token if m.role == 'assistant' }}{{ '\\n' if m.role != 'assistant' or not loop.last }}"
    "{% endfor %}{{ '<|assistant|>\\n' if add_generation_prompt }}";

std::string with(std::string text, const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

afs::Result<afs::RecognisedTemplate> recognise(const std::string& family, const std::string& text,
                                               const std::string& bos = "<B>",
                                               const std::string& eos = "<E>") {
    return afs::recognise_template(*afs::test::open_family(family)->chat(), text, bos, eos);
}

}  // namespace

TEST_CASE("a template is recognised in any wording") {
    struct Case {
        std::string family, text, name;
        bool bos;
        std::string default_system;
    };
    const std::vector<Case> cases = {
        {"llama3", kChatml, "chatml", false, ""},
        {"olmo2", kChatml, "chatml", false, ""},
        {"llama3", "{{ bos_token }}" + kChatml, "chatml", true, ""},
        {"llama3", kChatmlWithSystem, "chatml", false, "You are a test."},
        {"llama3", "{{ bos_token }}" + kChatmlWithSystem, "chatml", true, "You are a test."},
        {"llama3", kLlama3, "llama3", true, ""},
        {"llama3", with(kLlama3, "{{ bos_token }}", "<B>"), "llama3", true, ""},
        {"llama3", with(kLlama3, "{{ bos_token }}", ""), "llama3", false, ""},
        {"llama3", with(kLlama3, "{% if add_generation_prompt %}", "{% if true %}"), "llama3", true,
         ""},
        {"llama3", with(kDated, "DATE", "'26 Jul 2024'"), "llama3.1", true, ""},
        {"llama3", with(kDated, "DATE", "strftime_now('%d %b %Y')"), "llama3.2", true, ""},
        {"olmo2", kOlmo2, "olmo2", true, ""},
    };
    for (const Case& c : cases) {
        CAPTURE(c.text);
        const auto found = recognise(c.family, c.text);
        INFO(found.status().message());
        REQUIRE(found.ok());
        CHECK(found->name == c.name);
        CHECK(found->opens_with_bos == c.bos);
        CHECK(found->default_system.value_or("") == c.default_system);
    }
}

TEST_CASE("a template that writes otherwise is refused") {
    struct Case {
        std::string title, family, text, says;
    };
    const std::string user_first =
        "{% if messages[0].role != 'user' %}{{ raise_exception('user "
        "first') }}{% endif %}";
    const std::vector<Case> cases = {
        {"no line end after a turn", "llama3",
         with(kChatml, "'<|im_end|>' + '\\n'", "'<|im_end|>'"), "nearest is chatml"},
        {"trimmed contents", "llama3",
         with(kChatml, "message['content']", "message['content']|trim"), "nearest is chatml"},
        {"untrimmed contents", "llama3", with(kLlama3, " | trim", ""), "nearest is llama3"},
        {"half trimmed contents", "llama3", with(kLlama3, " | trim", ".rstrip()"),
         "nearest is llama3"},
        {"another prompt", "llama3", with(kChatml, "assistant", "bot"), "chatml"},
        {"no prompt after an answer", "llama3",
         with(kChatml, "{% if add_generation_prompt %}",
              "{% if add_generation_prompt and messages[-1].role != 'assistant' %}"),
         "chatml"},
        {"alternating roles", "llama3", user_first + kChatml, "the template raises: user first"},
        {"renamed roles", "llama3",
         with(kChatml, "message['role']",
              "(message['role'] if message['role'] != 'assistant' else 'model')"),
         "chatml"},
        {"thoughts taken out", "llama3",
         with(kChatml, "message['content']", "message['content'].split('</think>')[-1]"),
         "nearest is chatml"},
        {"a default system message only at times", "llama3",
         with(kChatmlWithSystem, "messages[0].role", "messages|length == 1 and messages[0].role"),
         "nearest is chatml"},
        {"a system message that is always added", "llama3",
         "<|im_start|>system\nBe good.<|im_end|>\n" + kChatml, "nearest is chatml"},
        {"system inside the first user turn", "llama3",
         "{% for m in messages %}[INST] {{ m.content }} [/INST]{% endfor %}", "any of them"},
        {"Tulu, without BOS", "olmo2", with(kOlmo2, "{{ bos_token }}", ""), "any of them"},
        {"Zephyr: EOS after every turn", "olmo2",
         with(kOlmo2, " if m.role == 'assistant' }}", " }}"), "nearest is olmo2"},
        {"a line end after the last answer", "olmo2", with(kOlmo2, " or not loop.last", " or true"),
         "nearest is olmo2"},
        {"the other family's", "olmo2", kLlama3, "any of them"},
        {"another date", "llama3", with(kDated, "DATE", "'27 Jul 2024'"), "nearest is llama3"},
        {"a date that cannot be given", "llama3",
         with(kDated, "date_string if date_string is defined else DATE", "'26 Jul 2024'"),
         "nearest is llama3.1"},
        {"what long conversations become", "llama3",
         "{% if messages|length > 9 %}...{% endif %}" + kChatml, "nearest is chatml"},
        {"nothing", "llama3", "", "any of them"},
        {"no template", "llama3", "{{ messages", "line 1: a tag is not closed"},
        {"unknown Jinja", "llama3", "{% include 'x' %}", "{% include %} is not known"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.title);
        const auto found = recognise(c.family, c.text);
        CHECK_FALSE(found.ok());
        CHECK_THAT(found.status().message(), Contains(c.says));
    }
}

TEST_CASE("tokenizers without BOS and EOS, and those whose BOS is their EOS") {
    const auto none = recognise("llama3", kLlama3, "", "");
    REQUIRE(none.ok());
    CHECK(none->name == "llama3");
    const auto same = recognise("olmo2", kOlmo2, "<|endoftext|>", "<|endoftext|>");
    REQUIRE(same.ok());
    CHECK(same->name == "olmo2");
    const auto marker = recognise("llama3", kChatmlWithSystem, "<|im_start|>", "<|im_end|>");
    REQUIRE(marker.ok());
    CHECK(marker->default_system == "You are a test.");
}
