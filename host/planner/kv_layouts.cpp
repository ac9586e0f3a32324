// Negotiates the KV cache's layout: the named backends' wishes in order, then the default.
#include <algorithm>
#include <string>

#include "afs/numeric.hpp"  // dtype_size
#include "planner/context.hpp"
#include "planner/planner.hpp"

namespace afs {
namespace {

constexpr uint32_t kDefaultBlockSize = 16;
constexpr uint32_t kMostWishes = 64;  // of one backend; a list without end is cut here

struct Wish {
    afs_kv_layout layout;
    std::string whose;  // "wished by 'cuda' (1)", "the default"
};

// [block][kv_head][slot][head_dim]
afs_kv_layout default_layout(const afs_kv_group& group, int32_t dtype, uint32_t block_size) {
    afs_kv_layout layout = make<afs_kv_layout>();
    layout.dtype = dtype;
    layout.block_size = block_size;
    layout.n_kv_heads = group.n_kv_heads;
    layout.head_dim = group.head_dim;
    const int64_t dim = group.head_dim, slots = block_size, heads = group.n_kv_heads;
    const int64_t strides[4] = {heads * slots * dim, slots * dim, dim, 1};
    std::copy(strides, strides + 4, layout.k_stride);
    std::copy(strides, strides + 4, layout.v_stride);
    layout.block_elems = strides[0];
    return layout;
}

class Negotiation {
public:
    Negotiation(const PlanContext& context, const std::vector<afs_limits>& limits)
        : context_(context), limits_(limits), graph_(read<afs_graph>(context.graph)) {
        const uint32_t asked = context.request->block_size;
        for (uint32_t g = 0; g < graph_.n_kv_groups; ++g) {
            groups_.push_back(read<afs_kv_group>(graph_.kv_groups[g]));
            result_.layouts.push_back(
                default_layout(groups_[g], dtype_of(g), asked ? asked : kDefaultBlockSize));
        }
        result_.notes.resize(graph_.n_kv_groups);
    }

    Result<Negotiated> run() {
        for (uint32_t g = 0; g < groups_.size(); ++g) AFS_TRY(choose(g));
        return std::move(result_);
    }

private:
    int32_t dtype_of(uint32_t group) const {
        for (const afs_value& value : context_.values)
            if (value.kind == AFS_VALUE_KV && value.kv_group == static_cast<int32_t>(group))
                return value.dtype;
        return AFS_F32;
    }

    std::vector<Wish> wishes(uint32_t group, std::string& lost) const {
        std::vector<Wish> all;
        const uint32_t asked = context_.request->block_size;
        for (uint32_t b = 0; b < context_.backends.size(); ++b) {
            if (context_.roles[b] == Role::fallback) continue;
            for (uint32_t i = 0; i < kMostWishes; ++i) {
                Wish wish{make<afs_kv_layout>(), {}};
                if (!context_.backends[b].api->kv_layout(graph_, group, i, wish.layout)) break;
                wish.whose =
                    "wish " + std::to_string(i + 1) + " of '" + context_.backends[b].name + "'";
                std::string fault = layout_fault(wish.layout, groups_[group]);
                if (fault.empty() && asked && wish.layout.block_size != asked)
                    fault = "has a block size of " + std::to_string(wish.layout.block_size) +
                            ", the config asks for " + std::to_string(asked);
                if (fault.empty())
                    all.push_back(std::move(wish));
                else
                    lost += "; " + wish.whose + " lost: it " + fault;
            }
        }
        all.push_back({result_.layouts[group], "the default"});
        return all;
    }

    // Empty, or who refuses the layouts as they are now.
    Result<std::string> refusal(uint32_t group, bool with_fallback) const {
        std::vector<const afs_kv_layout*> pointers;
        for (const afs_kv_layout& layout : result_.layouts) pointers.push_back(&layout);
        for (afs_limits limits : limits_) {
            set_max_blocks(limits, result_.layouts);
            auto draft = place_class(context_, limits, pointers, with_fallback);
            if (!draft.ok()) {
                if (draft.status().code() == Code::unsupported) return draft.status().message();
                return draft.status();
            }
            for (uint32_t n = 0; n < context_.nodes.size(); ++n) {
                const Placement& placement = draft->placements[n];
                if (context_.nodes[n].kv_group != static_cast<int32_t>(group) ||
                    placement.backend != kNobody)
                    continue;
                std::string why =
                    context_.nodes[n].tag + " (" + class_name(limits.step_class) + ")";
                for (const Refusal& r : placement.refusals)
                    why += ", '" + context_.backends[r.backend].name + "': " + r.reason;
                return why;
            }
        }
        return std::string();
    }

    // First without the fallback: a layout that needs none is better than a wish that does.
    Status choose(uint32_t group) {
        std::string lost;
        const std::vector<Wish> all = wishes(group, lost);
        const bool has_fallback =
            std::count(context_.roles.begin(), context_.roles.end(), Role::fallback) > 0;
        for (int fallback = 0; fallback <= (has_fallback ? 1 : 0); ++fallback)
            for (const Wish& wish : all) {
                result_.layouts[group] = wish.layout;
                AFS_ASSIGN(const std::string why, refusal(group, fallback != 0));
                if (why.empty()) {
                    result_.notes[group] = wish.whose + lost;
                    return {};
                }
                lost += "; " + wish.whose + " lost: " + why;
            }
        // The default stays; placing with it reports the node and every reason.
        result_.notes[group] = all.back().whose + lost;
        return {};
    }

    const PlanContext& context_;
    const std::vector<afs_limits>& limits_;
    afs_graph graph_;
    std::vector<afs_kv_group> groups_;
    Negotiated result_;
};

}  // namespace

std::string layout_fault(const afs_kv_layout& layout, const afs_kv_group& group) {
    if (layout.n_kv_heads != group.n_kv_heads || layout.head_dim != group.head_dim)
        return "is for " + std::to_string(layout.n_kv_heads) + " heads x " +
               std::to_string(layout.head_dim) + ", the group has " +
               std::to_string(group.n_kv_heads) + " x " + std::to_string(group.head_dim);
    if (dtype_size(layout.dtype) == 0)
        return "has the unknown dtype " + std::to_string(layout.dtype);
    if (layout.block_size == 0 || layout.block_size > 65536)
        return "has a block size of " + std::to_string(layout.block_size);
    for (const int64_t* stride : {layout.k_stride, layout.v_stride}) {
        if (stride[0] != layout.block_elems) return "has blocks that are not block_elems apart";
        std::pair<int64_t, int64_t> axes[3] = {{stride[1], layout.n_kv_heads},
                                               {stride[2], layout.block_size},
                                               {stride[3], layout.head_dim}};
        std::sort(axes, axes + 3);
        int64_t extent = 1;  // elements that the axes so far cover
        for (const auto& [step, count] : axes) {
            if (count == 1) continue;
            if (step < extent) return "lets elements of a block overlap";
            int64_t span = 0;
            if (__builtin_mul_overflow(step, count - 1, &span) ||
                __builtin_add_overflow(extent, span, &extent))
                return "has strides that no memory holds";
        }
        if (extent > layout.block_elems)
            return "needs " + std::to_string(extent) + " elements a block, has " +
                   std::to_string(layout.block_elems);
    }
    return {};
}

Result<Negotiated> negotiate_kv(const PlanContext& context, const std::vector<afs_limits>& limits) {
    return Negotiation(context, limits).run();
}

}  // namespace afs
