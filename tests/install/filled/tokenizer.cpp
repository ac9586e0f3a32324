// The tokenizer 'mine', filled in: a byte is an id.
#include "afs/plugin/tokenizer.hpp"

namespace {

class Mine final : public afs::Tokenizer {
public:
    static afs::Result<std::unique_ptr<afs::Tokenizer>> create(const afs::OpenArgs&) {
        return std::unique_ptr<afs::Tokenizer>(new Mine);
    }
    int score(const afs_tokenizer_source&) override { return 1; }
    afs::Status load(const afs_tokenizer_source&, afs_tokenizer_info& info) override {
        info.n_vocab = 256;
        info.bos_id = info.eos_id = info.pad_id = -1;
        return {};
    }
    afs::Status encode(std::string_view text, uint32_t, std::vector<int32_t>& ids) override {
        ids.clear();
        for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
        return {};
    }
    afs::Status decode(const int32_t* ids, size_t n, uint32_t, std::string& bytes) override {
        bytes.clear();
        for (size_t i = 0; i < n; ++i) {
            if (ids[i] < 0 || ids[i] > 255) return afs::invalid("ids are 0 to 255");
            bytes += static_cast<char>(ids[i]);
        }
        return {};
    }
    afs::Status token(int32_t id, afs::TokenPiece& piece) override {
        if (id < 0 || id > 255) return afs::invalid("ids are 0 to 255");
        piece.kind = AFS_TOKEN_NORMAL;
        piece.bytes.assign(1, static_cast<char>(id));
        return {};
    }
};

}  // namespace

AFS_TOKENIZER_PLUGIN(Mine, "mine", "0.1", "Apache-2.0");
