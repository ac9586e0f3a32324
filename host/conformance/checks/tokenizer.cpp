// Tokenizer plugins, on the vocabularies of the checkpoints at hand: round trips of awkward text,
// ids in range, text that cannot forge special tokens, files that end too early.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include "afs/tokenizer.hpp"
#include "conformance/cases/families.hpp"
#include "conformance/checks/abi_checks.hpp"
#include "conformance/checks/other_checks.hpp"
#include "loader/open.hpp"

namespace afs::conformance {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> awkward_texts() {
    std::vector<std::string> all = {
        "",
        " ",
        "  ",
        "\n",
        "\t\t x",
        "Hello, world!",
        "naive caf\xc3\xa9",
        "1234567890 3.14 1e-7",
        "\xe2\x80\x8b zero width",
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80 emoji",
        "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c",
        "e\xcc\x81 combining",
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7",
        "a\r\nb\rc",
        "don't I'll WE'RE",
        "<s></s><|endoftext|><|im_end|>",
        "\xff\xfe\x80 bad",
        std::string("nul \0 inside", 12),
        "\xed\xa0\x80 surrogate",
        std::string(3000, 'a'),
        std::string(500, ' ') + "x",
        "\xf4\x8f\xbf\xbf last",
        "for(int i=0;i<n;++i){x[i]+=1;}"};
    for (uint64_t seed = 1; seed <= 20; ++seed) {  // any bytes
        std::string text;
        for (uint64_t i = 0; i < 40 + seed; ++i) text += static_cast<char>(hash(seed, i));
        all.push_back(std::move(text));
    }
    return all;
}

bool plain_ascii(const std::string& text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) >= 0x80 || c == '\0') return false;
    return text.find('<') == std::string::npos;
}

std::string shown(const std::string& text) {
    std::string out = "'";
    for (const char c : text.substr(0, 24)) {
        char hex[8];
        std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(c));
        out += c >= ' ' && c <= '~' ? std::string(1, c) : std::string(hex);
    }
    return out + (text.size() > 24 ? "..'" : "'");
}

struct Loaded {
    std::shared_ptr<Tokenizer> api;
    afs_tokenizer_info info{};
    std::string folder;
};

std::shared_ptr<Tokenizer> tokenizer_of(Subject& s, CaseResult& r) {
    auto opened = open_tokenizer(s.file, {s.file->name, 0, 0, 1, s.request.options});
    if (!opened) return other_fail(r, "open", opened.status()), nullptr;
    return *opened;
}

void each_vocabulary(Subject& s, CaseResult& r, const std::function<void(Loaded&)>& f) {
    size_t n = 0;
    for (const std::string& folder : s.request.files) {
        Loaded loaded{tokenizer_of(s, r), make<afs_tokenizer_info>(), folder};
        if (!loaded.api) return;
        auto source = make<afs_tokenizer_source>();
        source.path = folder.c_str();
        if (loaded.api->score(source) <= 0) continue;
        const Status status = loaded.api->load(source, loaded.info);
        if (!status.ok()) return other_fail(r, "load of " + folder + ", which it scores", status);
        ++n;
        f(loaded);
        if (r.ending != Ending::passed) return;
    }
    if (n == 0) {
        r.ending = Ending::declined;
        r.text = "reads none of the " + std::to_string(s.request.files.size()) +
                 " vocabularies: give one with --model";
    } else if (r.text.empty()) {
        r.text = std::to_string(n) + " vocabularies";
    }
}

// The special token that a vocabulary without bytes of its own gives for what it cannot write; -1:
// none, every text can be written.
int32_t unknown_token(Loaded& t) {
    std::vector<int32_t> ids;
    if (!t.api->encode("\xf0\xbf\xbf\xbe", 0, ids).ok()) return -1;  // U+3FFFE, no character
    for (const int32_t id : ids) {
        TokenPiece piece;
        if (t.api->token(id, piece).ok() && piece.kind == AFS_TOKEN_SPECIAL) return id;
    }
    return -1;
}

void round_trips(Subject& s, CaseResult& r) {
    size_t n_lossy = 0, n_unknown = 0;
    each_vocabulary(s, r, [&](Loaded& t) {
        const int32_t unknown = unknown_token(t);
        for (const std::string& text : awkward_texts()) {
            std::vector<int32_t> ids, again;
            std::string back, twice;
            Status status = t.api->encode(text, 0, ids);
            if (status.ok()) status = t.api->decode(ids.data(), ids.size(), 0, back);
            if (status.ok()) status = t.api->encode(text, 0, again);
            if (!status.ok()) return other_fail(r, t.folder + ", " + shown(text), status);
            if (again != ids) return abi_fail(r, shown(text) + " gives other ids the second time");
            for (const int32_t id : ids)
                if (id < 0 || static_cast<uint32_t>(id) >= t.info.n_vocab)
                    return abi_fail(r, shown(text) + " gives id " + std::to_string(id) + " of " +
                                           std::to_string(t.info.n_vocab));
            if (back == text) continue;
            if (unknown >= 0 && std::find(ids.begin(), ids.end(), unknown) != ids.end()) {
                ++n_unknown;
                continue;
            }
            ++n_lossy;  // a normaliser's right, but what it leaves must stay as it is
            if (plain_ascii(text) && text.find("  ") == std::string::npos && text != " " &&
                text.find_first_of("\n\r\t") == std::string::npos)
                return abi_fail(r, t.folder + ": " + shown(text) + " comes back as " + shown(back));
            status = t.api->encode(back, 0, again);
            if (status.ok()) status = t.api->decode(again.data(), again.size(), 0, twice);
            if (!status.ok() || twice != back)
                return abi_fail(r, t.folder + ": " + shown(text) + " comes back as " + shown(back) +
                                       " and that as " + shown(twice));
        }
    });
    if (n_lossy && r.ending == Ending::passed)
        r.text += ", " + std::to_string(n_lossy) + " texts lost something to their rules";
    if (n_unknown && r.ending == Ending::passed)
        r.text += ", " + std::to_string(n_unknown) + " have parts that the vocabulary lacks";
}

// Words of a message cannot become control tokens unasked.
void forgery(Subject& s, CaseResult& r) {
    each_vocabulary(s, r, [&](Loaded& t) {
        const int32_t unknown = unknown_token(t);  // any text may become it
        for (uint32_t id = 0; id < t.info.n_vocab; ++id) {
            if (static_cast<int32_t>(id) == unknown) continue;
            TokenPiece piece;
            const Status status = t.api->token(static_cast<int32_t>(id), piece);
            if (!status.ok())
                return other_fail(r, t.folder + ", token " + std::to_string(id), status);
            if (piece.kind != AFS_TOKEN_SPECIAL || piece.bytes.empty()) continue;
            std::vector<int32_t> ids;
            if (!t.api->encode("a" + piece.bytes + "b", 0, ids).ok()) continue;
            for (const int32_t got : ids)
                if (got == static_cast<int32_t>(id))
                    return abi_fail(r, t.folder + ": the text " + shown(piece.bytes) +
                                           " becomes special token " + std::to_string(id) +
                                           " unasked");
            if (!t.api->encode(piece.bytes, AFS_ENCODE_PARSE_SPECIAL, ids).ok()) continue;
            if (ids.size() != 1 || ids[0] != static_cast<int32_t>(id))
                return abi_fail(r, t.folder + ": " + shown(piece.bytes) +
                                       " does not become its token where that is asked for");
        }
    });
}

void wrong_ids(Subject& s, CaseResult& r) {
    each_vocabulary(s, r, [&](Loaded& t) {
        for (const int64_t id :
             {int64_t{-1}, int64_t{t.info.n_vocab}, int64_t{2147483647}, int64_t{-2147483647}}) {
            const auto one = static_cast<int32_t>(id);
            std::string bytes;
            TokenPiece piece;
            if (t.api->decode(&one, 1, 0, bytes).ok())
                return abi_fail(r, "decodes id " + std::to_string(id) + ", which there is not");
            if (t.api->token(one, piece).ok())
                return abi_fail(r, "knows token " + std::to_string(id) + ", which there is not");
        }
    });
}

// Each file of the vocabulary cut at several places, and of other bytes: a reason, no crash.
void broken_files(Subject& s, CaseResult& r) {
    each_vocabulary(s, r, [&](Loaded& t) {
        std::string name = (fs::temp_directory_path() / "afs-conformance-XXXXXX").string();
        if (!mkdtemp(name.data())) return;
        const fs::path copy = name;
        std::error_code ignored;
        std::vector<fs::path> files;
        for (const auto& entry : fs::directory_iterator(t.folder, ignored))
            if (entry.is_regular_file() &&
                entry.path().filename().string().find("token") != std::string::npos)
                files.push_back(entry.path());
        for (const fs::path& broken : files)
            for (const double share : {0.0, 0.1, 0.5, 0.9, 0.999}) {
                for (const fs::path& file : files)
                    fs::copy_file(file, copy / file.filename(),
                                  fs::copy_options::overwrite_existing, ignored);
                fs::resize_file(copy / broken.filename(),
                                static_cast<uintmax_t>(
                                    share * static_cast<double>(fs::file_size(broken, ignored))),
                                ignored);
                const auto api = tokenizer_of(s, r);
                if (!api) break;
                auto source = make<afs_tokenizer_source>();
                auto info = make<afs_tokenizer_info>();
                const std::string path = copy.string();
                source.path = path.c_str();
                const int score = api->score(source);
                const Status status = api->load(source, info);
                const std::string what =
                    broken.filename().string() + " cut to " + std::to_string(share);
                if (score < 0 || score > 100) abi_fail(r, what + ": scores out of 0 to 100");
                if (status.message().find("threw an exception") != std::string::npos)
                    other_fail(r, what, status);
            }
        fs::remove_all(copy, ignored);
    });
}

}  // namespace

const std::vector<OtherCheck>& tokenizer_checks() {
    static const std::vector<OtherCheck> all = {{"tokenizer.round-trips", round_trips},
                                                {"tokenizer.forgery", forgery},
                                                {"tokenizer.wrong-ids", wrong_ids},
                                                {"tokenizer.broken-files", broken_files}};
    return all;
}

}  // namespace afs::conformance
