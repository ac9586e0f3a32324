#include "conformance/cases/shapes.hpp"

#include <array>

namespace afs::conformance {
namespace {

CaseSpec bare(const std::string& op) {
    CaseSpec made;
    made.op = op;
    return made;
}

template <size_t N>
std::vector<Shape> table(const std::string& op, const std::array<const char*, N>& keys,
                         const std::vector<std::array<int64_t, N>>& lines, int64_t large) {
    std::vector<Shape> all;
    for (const auto& line : lines) {
        Shape shape{bare(op)};
        int64_t work = 1;
        for (size_t i = 0; i < N; ++i) shape.spec.set(keys[i], line[i]), work *= line[i];
        shape.large = work > large;
        all.push_back(shape);
    }
    return all;
}

std::vector<Shape> linear() {
    return table<3>("linear/1", {"n", "m", "k"},
                    {{5, 33, 331},   {1, 65, 576},  {1, 1, 1},      {1, 7, 17},      {2, 192, 576},
                     {3, 33, 192},   {8, 24, 1536}, {9, 65, 72},    {16, 64, 128},   {17, 72, 200},
                     {64, 40, 136},  {65, 63, 64},  {130, 129, 40}, {15, 136, 1024}, {4, 15, 16},
                     {4, 16, 15},    {4, 17, 31},   {7, 31, 33},    {7, 32, 32},     {2, 127, 128},
                     {2, 128, 127},  {2, 129, 129}, {31, 48, 255},  {32, 48, 256},   {33, 48, 257},
                     {3, 255, 63},   {3, 256, 65},  {3, 257, 64},   {1, 64, 512},    {6, 32, 513},
                     {1, 24, 2048},  {2, 16, 4096}, {4, 128, 1024}, {1, 24, 11008},  {2, 16, 14336},
                     {1, 16, 13824}, {1, 33, 72},   {40, 60, 136}},
                    1 << 20);
}

std::vector<Shape> rms_norm() {
    std::vector<Shape> all;
    for (const int64_t d : {331, 64,  1,   2,   15,  16,  17,   31,   33,   63,   65,  127,
                            128, 129, 192, 255, 257, 576, 1023, 2048, 4096, 5120, 8192})
        for (const int64_t before : {0, 1}) {
            Shape shape{bare("rms_norm/1")};
            shape.spec.set("n", d > 1000 ? 2 : 5).set("d", d).set("before", before);
            all.push_back(shape);
        }
    for (const int64_t n : {64, 65}) {
        Shape shape{bare("rms_norm/1")};
        shape.spec.set("n", n).set("d", 96).set("before", 1);
        all.push_back(shape);
    }
    return all;
}

std::vector<Shape> rope() {
    std::vector<Shape> all;
    for (const auto& [heads, hd] : {std::pair<int64_t, int64_t>{3, 24},
                                    {9, 64},
                                    {1, 2},
                                    {32, 128},
                                    {2, 256},
                                    {5, 80},
                                    {1, 66}})
        for (const int64_t table : {0, 1})
            for (const int64_t llama : {0, 1}) {
                Shape shape{bare("rope/1")};
                shape.spec.set("n", 6).set("h", heads).set("hd", hd);
                shape.spec.set("table", table).set("llama", llama);
                all.push_back(shape);
            }
    for (const int64_t first : {0, 16, 31, 127, 4095, 131071}) {
        Shape shape{bare("rope/1")};
        shape.spec.set("n", 35).set("h", 2).set("hd", 64).set("pos", first);
        all.push_back(shape);
    }
    return all;
}

std::vector<Shape> two_inputs(const std::string& op) {
    return table<2>(op, {"n", "d"},
                    {{5, 331},
                     {7, 64},
                     {1, 1},
                     {5, 17},
                     {3, 15},
                     {3, 16},
                     {2, 127},
                     {2, 128},
                     {2, 129},
                     {1, 1023},
                     {1, 2048},
                     {1, 14336},
                     {1, 11008},
                     {63, 65},
                     {64, 64},
                     {130, 192}},
                    1 << 20);
}

struct Story {
    const char* sequences;
    int64_t n_padding;
    bool decode, large;
};

constexpr Story kStories[] = {{"30+2_0+5_7+1", 2, false, false},
                              {"0+1_15+1_16+1_100+1_63+1_64+1", 2, true, false},
                              {"0+1", 0, true, false},
                              {"300+1", 0, true, false},
                              {"0+70", 0, false, false},
                              {"65+66_0+1", 0, false, false},
                              {"14+1_17+1_30+1_31+1_32+1_33+1", 0, true, false},
                              {"47+1_48+1_62+1_65+1_95+1_96+1", 3, true, false},
                              {"126+1_127+1_128+1_129+1", 0, true, false},
                              {"254+1_255+1_256+1_257+1", 0, true, false},
                              {"510+1_511+1_512+1", 0, true, false},
                              {"0+15_0+16_0+17", 1, false, false},
                              {"0+31_0+32_0+33", 0, false, false},
                              {"0+63_0+64_0+65", 2, false, false},
                              {"0+129", 0, false, false},
                              {"15+2_16+3_31+18_1+64", 0, false, false},
                              {"3+4_0+0_0+1", 3, false, false},
                              {"1023+1_1024+1", 0, true, true},
                              {"2000+17", 0, false, true},
                              {"4095+1", 0, true, true}};

constexpr int64_t kHeads[][3] = {{9, 3, 64}, {6, 1, 24}, {8, 2, 128}, {4, 4, 64},  {8, 1, 64},
                                 {7, 1, 32}, {5, 1, 80}, {4, 2, 64},  {2, 1, 256}, {3, 3, 128}};

CaseSpec on_story(const std::string& op, const Story& story, const int64_t (&heads)[3],
                  int64_t block_size) {
    CaseSpec made = bare(op);
    if (op == "attention/1") made.set("h", heads[0]);
    made.set("kv", heads[1]).set("hd", heads[2]).set("bs", block_size);
    made.set("seqs", std::string(story.sequences));
    if (story.n_padding) made.set("pad", story.n_padding);
    if (story.decode) made.set("decode", 1);
    return made;
}

std::vector<Shape> attention() {
    std::vector<Shape> all;
    size_t number = 0;
    for (const Story& story : kStories)
        for (const auto& heads : kHeads) {
            // a long context with a few of the head shapes, the rest with all
            if (story.large && number++ % 5) continue;
            Shape shape{on_story("attention/1", story, heads, 16), story.large};
            if (all.size() % 3 == 1) shape.spec.set("cache", std::string("stale"));
            all.push_back(shape);
        }
    for (const int64_t block : {1, 3, 8, 32, 64, 128, 256})
        for (const int64_t strided : {0, 1}) {
            const size_t story = static_cast<size_t>(block) % 2 ? 0 : 1;
            for (const auto& heads : {kHeads[0], kHeads[2]}) {
                Shape shape{on_story("attention/1", kStories[story],
                                     heads == kHeads[0] ? kHeads[0] : kHeads[2], block)};
                if (strided) shape.spec.set("strided", 1);
                all.push_back(shape);
            }
        }
    Shape longest{on_story("attention/1", {"131071+1", 0, true, true}, {2, 1, 64}, 16), true};
    all.push_back(longest);
    return all;
}

std::vector<Shape> kv_append() {
    std::vector<Shape> all;
    for (const Story& story : kStories)
        for (const auto& [heads, hd] : {std::pair<int64_t, int64_t>{3, 8}, {1, 24}, {2, 64}})
            for (const int64_t block : {4, 16})
                for (const int64_t strided : {0, 1}) {
                    if (story.large) continue;
                    Shape shape{on_story("kv_append/1", story, {heads, heads, hd}, block)};
                    if (strided) shape.spec.set("strided", 1);
                    all.push_back(shape);
                }
    return all;
}

}  // namespace

std::vector<Shape> shapes_of(const std::string& op) {
    if (op == "linear/1") return linear();
    if (op == "rms_norm/1") return rms_norm();
    if (op == "rope/1") return rope();
    if (op == "attention/1") return attention();
    if (op == "kv_append/1") return kv_append();
    if (op == "embed/1")
        return table<3>("embed/1", {"n", "v", "d"},
                        {{7, 11, 331},
                         {5, 97, 64},
                         {1, 11, 1},
                         {5, 11, 17},
                         {3, 33, 576},
                         {9, 64, 256},
                         {2, 40, 4096},
                         {65, 129, 33}},
                        1 << 20);
    if (op == "select_rows/1")
        return table<3>("select_rows/1", {"n", "r", "d"},
                        {{7, 4, 331},
                         {5, 5, 64},
                         {1, 1, 1},
                         {7, 4, 17},
                         {9, 2, 576},
                         {3, 6, 4096},
                         {65, 33, 40}},
                        1 << 20);
    if (op == "sample/1")
        return table<2>(
            "sample/1", {"n", "v"},
            {{60, 97}, {60, 1000}, {5, 1}, {60, 2}, {12, 4097}, {5, 49152}, {5, 128256}}, 1 << 20);
    return two_inputs(op);
}

}  // namespace afs::conformance
