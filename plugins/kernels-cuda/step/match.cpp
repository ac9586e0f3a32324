#include "step/match.hpp"

#include <algorithm>
#include <cstring>

#include "chain/chain.hpp"
#include "device/launch.hpp"
#include "heads/heads.hpp"
#include "stream/page.hpp"

namespace afs::cuda {
namespace {

class Matcher {
public:
    Matcher(const afs_query& query, const afs_region& region, const afs_step& sizes)
        : query_(query), graph_(*query.graph), sizes_(sizes) {
        producer_.assign(graph_.n_values, kNoValue);
        readers_.resize(graph_.n_values);
        for (uint32_t i = 0; i < region.n_nodes; ++i) free_.insert(region.nodes[i]);
        for (uint32_t n = 0; n < graph_.n_nodes; ++n) {
            const Node node = at(n);
            if (free_.count(n)) producer_[node.output_id()] = n;
            for (uint32_t i = 0; i < node.n_inputs(); ++i) readers_[node.input_id(i)].insert(n);
        }
        for (uint32_t i = 0; i < region.n_outputs; ++i) outside_.insert(region.outputs[i]);
    }

    std::vector<Fused> run() {
        const std::vector<uint32_t> nodes(free_.begin(), free_.end());
        for (const uint32_t n : nodes)
            if (at(n).is("attention/1")) try_attention(n);
        for (const uint32_t n : nodes)
            if (free_.count(n) && at(n).is("linear/1")) try_product(n);
        join_heads();
        mark_neighbours();
        link();
        return std::move(found_);
    }

private:
    Node at(uint32_t n) const {
        afs_query query = query_;
        query.node = n;
        return Node(query);
    }
    // The node of this op that makes a value, if it is still free; else kNoValue.
    uint32_t maker(uint32_t value, const char* op) const {
        const uint32_t n = producer_[value];
        return n != kNoValue && free_.count(n) && at(n).is(op) ? n : kNoValue;
    }
    // Whether a value need not exist: only nodes of the stage read it.
    bool inside(uint32_t value, const std::set<uint32_t>& nodes) const {
        return !outside_.count(value) &&
               std::includes(nodes.begin(), nodes.end(), readers_[value].begin(),
                             readers_[value].end());
    }
    // Whether all other nodes that read a value come after the stage's place.
    bool read_later(uint32_t value, const Fused& f) const {
        return std::all_of(readers_[value].begin(), readers_[value].end(),
                           [&](uint32_t n) { return n > f.place || f.nodes.count(n); });
    }
    void keep(Fused f) {
        for (const uint32_t n : f.nodes) free_.erase(n);
        found_.push_back(std::move(f));
    }

    // ---- a product and what leads to its vector
    uint32_t n_vectors(uint32_t value) const {
        const afs_value x = read<afs_value>(graph_.values[value]);
        return x.dims[0] == AFS_DIM_ROWS ? sizes_.n_rows : sizes_.n_tokens;
    }
    // Whether the kernels of one vector, or of many, take a product.
    bool streams(uint32_t n) const {
        const afs_value w = at(n).in(1);
        return is_narrow(n) && n_vectors(at(n).input_id(0)) <= 1 &&
               w.dims[1] % kBlockColumns == 0 && w.dims[1] <= kStreamMaxColumns;
    }
    bool multiplies(uint32_t n) const {
        const afs_value w = at(n).in(1);
        return has_wgmma() && is_narrow(n) && w.dims[0] % 8 == 0 && w.dims[1] % 8 == 0;
    }
    bool is_narrow(uint32_t n) const {
        const afs_value w = at(n).in(1), x = at(n).in(0);
        return (x.dtype == AFS_BF16 || x.dtype == AFS_F16) && w.dtype == x.dtype;
    }
    bool each_has_one_token() const {
        return read<afs_limits>(query_.limits).step_class == AFS_CLASS_DECODE;
    }
    // The norm kernels of a stage read weights of the activations' dtype.
    bool norms(uint32_t n) const { return n != kNoValue && at(n).in(1).dtype == at(n).in(0).dtype; }

    void try_product(uint32_t first) {
        Fused f;
        f.is_streamed = streams(first);
        if (!f.is_streamed && !multiplies(first)) return;
        const uint32_t x = at(first).input_id(0);
        f.product.n_vectors = n_vectors(x);
        std::vector<uint32_t> linears;
        for (const uint32_t n : readers_[x])
            if (linears.size() < kStreamWeights && free_.count(n) && at(n).is("linear/1") &&
                at(n).input_id(0) == x && (f.is_streamed ? streams(n) : multiplies(n)))
                linears.push_back(n);
        if (!gate(linears, f)) share(linears, f);
        lead_in(x, f);
        keep(std::move(f));
    }
    // gate and up, and the gated unit that alone reads them.
    bool gate(const std::vector<uint32_t>& linears, Fused& f) const {
        if (linears.size() != 2) return false;
        const uint32_t a = at(linears[0]).output_id(), b = at(linears[1]).output_id();
        for (const uint32_t n : readers_[a]) {
            if (!free_.count(n) || !at(n).is("swiglu/1")) continue;
            const std::set<uint32_t> nodes = {linears[0], linears[1], n};
            const Node unit = at(n);
            const bool in_order = unit.input_id(0) == a && unit.input_id(1) == b;
            const bool swapped = unit.input_id(0) == b && unit.input_id(1) == a;
            if (!(in_order || swapped) || !inside(a, nodes) || !inside(b, nodes)) continue;
            f.nodes = nodes;
            f.place = *nodes.rbegin();
            f.product.gated = true;
            f.product.outs = {unit.output_id()};
            const size_t gate_at = in_order ? 0 : 1;
            f.product.weights = {at(linears[gate_at]).input_id(1),
                                 at(linears[1 - gate_at]).input_id(1)};
            return true;
        }
        return false;
    }
    // As many of them as run in the place of the last without anybody waiting for the others.
    void share(std::vector<uint32_t> linears, Fused& f) const {
        for (;; linears.pop_back()) {
            f.nodes = std::set<uint32_t>(linears.begin(), linears.end());
            f.place = *f.nodes.rbegin();
            const bool fits = std::all_of(linears.begin(), linears.end(), [&](uint32_t n) {
                return read_later(at(n).output_id(), f);
            });
            if (fits || linears.size() == 1) break;
        }
        for (const uint32_t n : f.nodes) {
            f.product.weights.push_back(at(n).input_id(1));
            f.product.outs.push_back(at(n).output_id());
        }
    }
    // norm, selection of the only row, residual sum and the norm of what is added, as far as they
    // are there.
    void lead_in(uint32_t x, Fused& f) const {
        uint32_t value = x;
        f.product.input = x;
        const int64_t columns = read<afs_value>(graph_.values[x]).dims[1];
        if (columns > kStreamMaxNormed || columns % 8 != 0) return;
        const auto enter = [&](uint32_t n) {
            Fused with = f;
            with.nodes.insert(n);
            if (!inside(at(n).output_id(), with.nodes)) return false;
            f.nodes.insert(n);
            value = at(n).input_id(0);
            return true;
        };
        if (const uint32_t n = maker(value, "rms_norm/1"); norms(n) && enter(n)) f.product.norm = n;
        if (const uint32_t n = maker(value, "select_rows/1");
            n != kNoValue && sizes_.n_tokens == 1 && sizes_.n_rows <= 1)
            enter(n);  // the only one
        f.product.input = value;
        const uint32_t add = maker(value, "add/1");
        if (add == kNoValue) return;
        Fused with = f;
        with.nodes.insert(add);
        if (!read_later(value, with)) return;
        f.nodes.insert(add);
        if (!inside(value, f.nodes)) f.product.sum = value;
        f.product.residual = at(add).input_id(0);
        f.product.input = value = at(add).input_id(1);
        if (const uint32_t n = maker(value, "rms_norm/1"); norms(n) && enter(n)) {
            f.product.post_norm = n;
            f.product.input = value;
        }
    }

    // Products that attention waits for, or that wait for it.
    void mark_neighbours() {
        std::set<uint32_t> values, of_heads;
        for (const Fused& f : found_)
            if (f.is_attention || f.is_heads)
                (f.is_heads ? of_heads : values)
                    .insert({f.attention.q, f.attention.k, f.attention.v, f.attention.out});
        for (Fused& f : found_) {
            const auto touches = [&f](const std::set<uint32_t>& near) {
                return near.count(f.product.input) > 0 ||
                       std::any_of(f.product.outs.begin(), f.product.outs.end(),
                                   [&](uint32_t out) { return near.count(out) > 0; });
            };
            f.product.beside_attention = touches(values);
            f.product.beside_long_attention = touches(of_heads);
        }
    }

    // ---- the products of q, k and v of one vector, and attention with them
    void join_heads() {
        for (size_t a = 0; a < found_.size(); ++a) {
            if (!found_[a].is_attention || !found_[a].attention.attends) continue;
            const auto product = std::find_if(found_.begin(), found_.end(), [&](const Fused& f) {
                return makes_heads(f, found_[a]);
            });
            if (product == found_.end()) continue;
            Fused joined = found_[a];
            joined.is_attention = false;
            joined.is_heads = joined.is_streamed = true;
            joined.product = product->product;
            joined.nodes.insert(product->nodes.begin(), product->nodes.end());
            found_[a] = std::move(joined);
            const auto at = product - found_.begin();
            found_.erase(product);
            if (static_cast<size_t>(at) < a) --a;
        }
    }
    bool makes_heads(const Fused& f, const Fused& attention) const {
        const AttentionNodes& nodes = attention.attention;
        const std::set<uint32_t> wanted = {nodes.q, nodes.k, nodes.v};
        const ProductNodes& p = f.product;
        if (!f.is_streamed || p.gated || wanted.size() != kStreamWeights ||
            std::set<uint32_t>(p.outs.begin(), p.outs.end()) != wanted)
            return false;
        Fused joined = attention;
        joined.nodes.insert(f.nodes.begin(), f.nodes.end());
        std::vector<uint32_t> formed = p.outs;
        if (p.sum != kNoValue) formed.push_back(p.sum);
        const afs_value cache = read<afs_value>(graph_.values[nodes.cache]);
        const auto layout = read<afs_kv_layout>(query_.kv_layouts[cache.kv_group]);
        return std::all_of(formed.begin(), formed.end(),
                           [&](uint32_t value) { return read_later(value, joined); }) &&
               heads_fit(at(nodes.attention).params<afs_attention_params>(), layout.block_size);
    }

    // ---- products of many vectors, each of what the one before made
    bool may_be_linked(const Fused& f) const {
        const ProductNodes& p = f.product;
        if (f.is_attention || f.is_streamed || p.n_vectors < 2 || p.n_vectors > kChainTokens)
            return false;
        const afs_value x = read<afs_value>(graph_.values[p.input]);
        return x.dtype == AFS_BF16 && x.dims[0] == AFS_DIM_TOKENS;
    }
    // Whether `next` reads nothing but what `links` made last, as it is or in the residual stream.
    bool follows(const Fused& links, const Fused& next) const {
        const ProductNodes &last = links.chain.back(), &p = next.product;
        if (!may_be_linked(next) || last.outs.size() != 1 || p.input != last.outs[0]) return false;
        const bool is_bare = p.residual == kNoValue && p.norm == kNoValue;
        const bool enters = p.residual != kNoValue && p.norm != kNoValue && !last.gated;
        if (p.post_norm != kNoValue || !(is_bare || enters)) return false;
        std::set<uint32_t> nodes = links.nodes;
        nodes.insert(next.nodes.begin(), next.nodes.end());
        return inside(p.input, nodes);
    }
    void link() {
        for (size_t first = 0; first < found_.size(); ++first) {
            const ProductNodes& p = found_[first].product;
            if (!may_be_linked(found_[first]) || p.residual != kNoValue || p.norm != kNoValue)
                continue;
            Fused links = found_[first];
            links.chain = {p};
            std::vector<size_t> taken;
            for (size_t next = first + 1; next < found_.size() && links.chain.size() < kMaxLinks;
                 ++next) {
                if (!follows(links, found_[next])) continue;
                links.chain.push_back(found_[next].product);
                links.nodes.insert(found_[next].nodes.begin(), found_[next].nodes.end());
                links.place = std::max(links.place, found_[next].place);
                taken.push_back(next);
            }
            if (taken.empty() || !leaves_early_enough(links)) continue;
            for (; !taken.empty(); taken.pop_back())
                found_.erase(found_.begin() + static_cast<ptrdiff_t>(taken.back()));
            found_[first] = std::move(links);
        }
    }
    bool leaves_early_enough(const Fused& links) const {
        std::vector<uint32_t> formed = links.chain.back().outs;
        for (const ProductNodes& p : links.chain)
            if (p.sum != kNoValue) formed.push_back(p.sum);
        return std::all_of(formed.begin(), formed.end(),
                           [&](uint32_t value) { return read_later(value, links); });
    }

    // ---- attention and what leads to it
    void try_attention(uint32_t n) {
        const Node attention = at(n);
        AttentionNodes found;
        found.attention = n;
        found.out = attention.output_id();
        found.cache = attention.input_id(1);
        const uint32_t append = maker(found.cache, "kv_append/1");
        const uint32_t q_rope = maker(attention.input_id(0), "rope/1");
        if (append == kNoValue || q_rope == kNoValue || !fits(attention)) return;
        const uint32_t k_rope = maker(at(append).input_id(0), "rope/1");
        if (k_rope == kNoValue || !same_rope(q_rope, k_rope, attention)) return;
        Fused f;
        f.is_attention = true;
        found.attends = each_has_one_token();
        f.nodes = {append, q_rope, k_rope};
        if (found.attends) f.nodes.insert(n);
        f.place = *f.nodes.rbegin();
        if (!found.attends) found.out = attention.input_id(0);
        found.rope = q_rope;
        found.q = at(q_rope).input_id(0);
        found.k = at(k_rope).input_id(0);
        found.v = at(append).input_id(1);
        if (!inside(at(append).input_id(0), f.nodes)) return;
        if (found.attends ? !inside(attention.input_id(0), f.nodes) || !inside(found.cache, f.nodes)
                          : !read_later(attention.input_id(0), f) || !read_later(found.cache, f))
            return;
        enter_norm(found.q, found.q_norm, f);
        enter_norm(found.k, found.k_norm, f);
        f.attention = found;
        keep(std::move(f));
    }
    void enter_norm(uint32_t& value, uint32_t& norm, Fused& f) const {
        const uint32_t n = maker(value, "rms_norm/1");
        if (!norms(n) || !inside(value, f.nodes)) return;
        f.nodes.insert(n);
        norm = n;
        value = at(n).input_id(0);
    }
    bool fits(const Node& attention) const {
        const afs_value q = attention.in(0), cache = attention.in(1);
        const auto p = attention.params<afs_attention_params>();
        AttentionArgs args{};
        args.params = p;
        args.layout = read<afs_kv_layout>(query_.kv_layouts[cache.kv_group]);
        args.step = sizes_;
        args.q.dtype = args.out.dtype = q.dtype;
        args.q.rank = 2;
        args.q.dims[1] = args.q.strides[0] = q.dims[1];
        args.out = args.q;
        return each_has_one_token() ? attention_decode_fits(args) : attention_is_wide(args);
    }
    bool same_rope(uint32_t a, uint32_t b, const Node& attention) const {
        const auto p = at(a).params<afs_rope_params>(), q = at(b).params<afs_rope_params>();
        // A pair that differs in padding or in the sign of a zero is done in two launches.
        // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison, cert-exp42-c, cert-flp37-c)
        return std::memcmp(&p, &q, sizeof p) == 0 &&
               p.head_dim == attention.params<afs_attention_params>().head_dim;
    }

    afs_query query_;
    const afs_graph& graph_;
    afs_step sizes_;
    std::vector<uint32_t> producer_;           // [values]; only nodes of the region
    std::vector<std::set<uint32_t>> readers_;  // [values]; of the whole graph
    std::set<uint32_t> free_;                  // nodes of the region, less those in found_
    std::set<uint32_t> outside_;               // values that somebody outside reads
    std::vector<Fused> found_;
};

}  // namespace

std::vector<Fused> find_fused(const afs_query& query, const afs_region& region,
                              const afs_step& sizes) {
    return Matcher(query, region, sizes).run();
}

}  // namespace afs::cuda
