"""A built tokenizer plugin through its C contract (core/include/afs/abi/tokenizer.h)."""
import ctypes as c
import time

ADD_SPECIAL, PARSE_SPECIAL = 1, 2
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


class Error(c.Structure):
    _fields_ = [("size", c.c_uint32), ("code", c.c_int32), ("native", c.c_int64),
                ("where", c.c_char * 112), ("message", c.c_char * 896)]


class Descriptor(c.Structure):
    _fields_ = [("size", c.c_uint32), ("major", c.c_uint16), ("minor", c.c_uint16)] + [
        (name, c.c_void_p) for name in ("kind", "name", "version", "licence", "build", "domain",
                                        "provides", "probe", "open", "table", "close")]


class OpenArgs(c.Structure):
    _fields_ = [("size", c.c_uint32), ("device", c.c_uint32), ("rank", c.c_uint32),
                ("world", c.c_uint32), ("host", c.c_void_p), ("n_options", c.c_uint32),
                ("reserved", c.c_uint32), ("keys", c.c_void_p), ("values", c.c_void_p)]


class Text(c.Structure):
    _fields_ = [("data", c.c_char_p), ("size", c.c_uint64)]


class VocabularyStruct(c.Structure):
    _fields_ = [("size", c.c_uint32), ("n_tokens", c.c_uint32), ("n_merges", c.c_uint32),
                ("reserved", c.c_uint32), ("model", c.c_char_p), ("pre", c.c_char_p),
                ("tokens", c.POINTER(Text)), ("scores", c.POINTER(c.c_float)),
                ("types", c.POINTER(c.c_int32)), ("merges", c.POINTER(Text))] + [
        (name, c.c_int32) for name in ("bos_id", "eos_id", "unknown_id", "pad_id", "add_bos",
                                       "add_eos", "add_space_prefix", "remove_extra_whitespaces")]


class Vocabulary:
    """What a GGUF file holds; texts are bytes, roles and flags are keyword arguments."""

    def __init__(self, model, tokens, types, scores=None, merges=(), pre=None, **said):
        texts = lambda list_: (Text * len(list_))(*[Text(t, len(t)) for t in list_])
        self.tokens, self.merges = tokens, list(merges)  # the bytes must stay
        self.arrays = (texts(tokens), texts(self.merges), (c.c_int32 * len(types))(*types),
                       (c.c_float * len(scores))(*scores) if scores is not None else None)
        roles = dict.fromkeys(("bos_id", "eos_id", "unknown_id", "pad_id", "add_bos", "add_eos",
                               "add_space_prefix", "remove_extra_whitespaces"), -1)
        roles.update(said)
        self.struct = VocabularyStruct(
            size=c.sizeof(VocabularyStruct), n_tokens=len(tokens), n_merges=len(self.merges),
            model=model.encode(), pre=pre.encode() if pre else None, tokens=self.arrays[0],
            merges=self.arrays[1], types=self.arrays[2], scores=self.arrays[3], **roles)


class Source(c.Structure):
    _fields_ = [("size", c.c_uint32), ("reserved", c.c_uint32), ("path", c.c_char_p),
                ("vocabulary", c.POINTER(VocabularyStruct))]


class Info(c.Structure):
    _fields_ = [("size", c.c_uint32), ("n_vocab", c.c_uint32), ("bos", c.c_int32),
                ("eos", c.c_int32), ("pad", c.c_int32), ("adds_bos", c.c_int32),
                ("summary", c.c_char * 240)]


class Table(c.Structure):
    _fields_ = [("size", c.c_uint32), ("reserved", c.c_uint32)] + [
        (name, c.c_void_p) for name in ("score", "load", "encode", "decode", "token")]


class Plugin:
    """A loaded tokenizer plugin."""

    def __init__(self, library, source, vocabulary=None):
        self.library = c.CDLL(str(library))
        descriptor = Descriptor.in_dll(self.library, "afs_plugin_v0")
        open_ = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_void_p, c.c_void_p)(descriptor.open)
        table = c.CFUNCTYPE(c.c_void_p, c.c_char_p)(descriptor.table)(b"afs.tokenizer/1")
        table = Table.from_address(table)
        self.error = Error(c.sizeof(Error))
        self.instance = c.c_void_p()
        args = OpenArgs(c.sizeof(OpenArgs), 0, 0, 1)
        self.check(open_(c.byref(args), c.byref(self.instance), c.byref(self.error)))
        load = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p)(table.load)
        self.info = Info(c.sizeof(Info))
        source = Source(c.sizeof(Source), 0, str(source).encode(),
                        c.pointer(vocabulary.struct) if vocabulary else None)
        start = time.perf_counter()
        self.check(load(self.instance, c.byref(source), c.byref(self.info), c.byref(self.error)))
        self.load_ms = (time.perf_counter() - start) * 1e3
        self.encode_ = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_char_p, c.c_uint64, c.c_uint32,
                                   c.c_void_p, c.c_void_p, c.c_void_p)(table.encode)
        self.decode_ = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_void_p, c.c_uint64, c.c_uint32,
                                   c.c_void_p, c.c_void_p, c.c_void_p)(table.decode)

    def check(self, status):
        if status:
            raise RuntimeError(f"{self.error.where.decode()}: {self.error.message.decode()}")

    def encode(self, text, flags):
        ids, n = self.encode_only(text, flags)
        return ids[:n.value]

    def encode_only(self, text, flags):
        """The ids where they lie, and how many."""
        ids, n = c.POINTER(c.c_int32)(), c.c_uint64()
        self.check(self.encode_(self.instance, text, len(text), flags, c.byref(ids), c.byref(n),
                                c.byref(self.error)))
        return ids, n

    def decode(self, ids):
        array = (c.c_int32 * len(ids))(*ids)
        text, n = c.POINTER(c.c_char)(), c.c_uint64()
        self.check(self.decode_(self.instance, array, len(ids), 0, c.byref(text), c.byref(n),
                                c.byref(self.error)))
        return text[:n.value]
