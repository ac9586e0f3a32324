// The graph of one node around a case: what a backend is asked about.
#pragma once
#include "conformance/cases/op_case.hpp"

namespace afs::conformance {

// Lives as long as the query does.
class OneNode {
public:
    explicit OneNode(const OpCase& c);
    OneNode(const OneNode&) = delete;
    const afs_query& query() const { return query_; }
    afs_limits& limits() { return limits_; }
    afs_value& value(uint32_t i) { return values_[i]; }  // inputs in order, then the output
    afs_node& node() { return node_; }
    afs_kv_group& group() { return group_; }

private:
    std::vector<afs_value> values_;
    std::vector<const afs_value*> pointers_;
    std::vector<uint32_t> inputs_;
    afs_node node_;
    const afs_node* nodes_;
    afs_kv_group group_;
    const afs_kv_group* groups_;
    afs_kv_layout layout_;
    const afs_kv_layout* layouts_;
    afs_graph graph_;
    afs_limits limits_;
    afs_query query_;
};

}  // namespace afs::conformance
