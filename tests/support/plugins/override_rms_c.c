/* A single-op plugin in plain C11: rms_norm/1 in fp32 and bf16. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "afs/abi/all.h"

struct afs_op {
    afs_rms_norm_params params;
};

static float from_bf16(uint16_t bits) {
    const uint32_t wide = (uint32_t)bits << 16;
    float x;
    memcpy(&x, &wide, sizeof x);
    return x;
}
static uint16_t to_bf16(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return (uint16_t)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}
static float get(const afs_tensor* t, int64_t i) {
    return t->dtype == AFS_BF16 ? from_bf16(((const uint16_t*)t->data)[i])
                                : ((const float*)t->data)[i];
}
static void set(const afs_tensor* t, int64_t i, float x) {
    if (t->dtype == AFS_BF16)
        ((uint16_t*)t->data)[i] = to_bf16(x);
    else
        ((float*)t->data)[i] = x;
}

static afs_status query(afs_instance* self, const afs_query* q, afs_verdict* out, afs_error* e) {
    const afs_node* node = q->graph->nodes[q->node];
    const int32_t t = q->graph->values[node->output]->dtype;
    (void)self, (void)e;
    out->supported = strcmp(node->op, "rms_norm/1") == 0 && (t == AFS_F32 || t == AFS_BF16);
    if (!out->supported) strcpy(out->reason, "offers rms_norm/1 in fp32 and bf16 only");
    out->acc_dtype = out->internal_dtype = AFS_F32;
    out->flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT;
    return AFS_OK;
}
static afs_status prepare(afs_instance* self, const afs_query* q, afs_op** out, afs_error* e) {
    afs_op* op = calloc(1, sizeof *op);
    (void)self, (void)e;
    if (!op) return AFS_E_NO_MEMORY;
    op->params = *(const afs_rms_norm_params*)q->graph->nodes[q->node]->params;
    *out = op;
    return AFS_OK;
}
static afs_status run(afs_instance* self, afs_op* op, const afs_run* r, afs_error* e) {
    const afs_tensor *x = &r->inputs[0], *w = &r->inputs[1], *out = r->output;
    const int64_t d = x->dims[1];
    (void)self, (void)e;
    for (int64_t i = 0; i < x->dims[0]; ++i) {
        float sum = 0, scale;
        for (int64_t j = 0; j < d; ++j)
            sum += get(x, i * x->strides[0] + j) * get(x, i * x->strides[0] + j);
        scale = 1 / sqrtf(sum / (float)d + op->params.eps);
        for (int64_t j = 0; j < d; ++j) {
            float v = get(x, i * x->strides[0] + j) * scale;
            if (!op->params.weight_before_cast && out->dtype == AFS_BF16) v = from_bf16(to_bf16(v));
            set(out, i * out->strides[0] + j, get(w, j) * v);
        }
    }
    return AFS_OK;
}
static void drop(afs_instance* self, afs_op* op) {
    (void)self;
    free(op);
}
static const afs_ops ops = {sizeof(afs_ops), 0, query, NULL, prepare, run, drop, NULL};

static afs_status open_plugin(const afs_open_args* args, afs_instance** out, afs_error* e) {
    static char nothing;
    (void)args, (void)e;
    *out = (afs_instance*)&nothing;
    return AFS_OK;
}
static void close_plugin(afs_instance* self) {
    (void)self;
}
static const void* table(const char* id) {
    return strcmp(id, "afs.ops/1") == 0 ? &ops : NULL;
}
static const char* const provides[] = {"afs.ops/1", NULL};

const afs_plugin afs_plugin_v0 = {sizeof(afs_plugin),
                                  AFS_ABI_MAJOR,
                                  AFS_ABI_MINOR,
                                  "kernels",
                                  "test-rms-c",
                                  "0.1",
                                  "Apache-2.0",
                                  "C11",
                                  "cpu/1",
                                  provides,
                                  NULL,
                                  open_plugin,
                                  table,
                                  close_plugin};
