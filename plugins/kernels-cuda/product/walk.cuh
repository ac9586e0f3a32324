// Which part of a product a block makes, and where that lies (see product.cuh).
#pragma once
#include "product/product.hpp"
#include "product/tile.hpp"

namespace afs::cuda::product {

constexpr int kSpanRows = 16;  // row tiles that neighbouring blocks share with their token tiles

// One tile's stages begin .. end.
struct Piece {
    int tile, begin, end;
};

// The pieces that a block makes, one after the other.
struct Walk {
    int at, end, step, k_stages, blocks;

    __device__ Walk(const Product& p, int tiles, int k_stages_) : k_stages(k_stages_) {
        const int block = static_cast<int>(blockIdx.x);
        blocks = static_cast<int>(gridDim.x);
        at = block, end = tiles, step = blocks;
        if (p.split) {
            blocks = min(blocks, tiles * k_stages);  // none without a part in between
            at = begin_of(min(block, blocks), tiles);
            end = begin_of(min(block + 1, blocks), tiles);
            step = 0;
        }
    }
    __device__ int begin_of(int block, int tiles) const {
        return static_cast<int>(int64_t{tiles} * k_stages * block / blocks);
    }
    // The first block, from `block` on, that has no part of a tile.
    __device__ int first_after(int tile, int block, int tiles) const {
        while (block < blocks && begin_of(block, tiles) < (tile + 1) * k_stages) ++block;
        return block;
    }
    __device__ bool next(Piece& piece) {
        if (at >= end) return false;
        if (step == 0) {
            piece.tile = at / k_stages;
            piece.begin = at % k_stages;
            piece.end = min(k_stages, piece.begin + end - at);
            at += piece.end - piece.begin;
        } else {
            piece = {at, 0, k_stages};
            at += step;
        }
        return true;
    }
};

// What a tile covers: rows of a weight from `row` on, tokens from `token` on.
struct Place {
    int weight = 0, row, token;
};
template <int kTokens>
struct Tiles {
    int row_tiles = 0, token_tiles, tile_rows;

    __device__ explicit Tiles(const Product& p)
        : token_tiles((p.n_tokens + kTokens - 1) / kTokens),
          tile_rows(p.gated ? kGroupRows : kTileRows) {
        for (int w = 0; w < (p.gated ? 1 : kProductWeights); ++w) row_tiles += tiles_of(p, w);
    }
    __device__ int tiles_of(const Product& p, int w) const {
        return (p.rows[w] + tile_rows - 1) / tile_rows;
    }
    // Tiles that run at the same time share rows and tokens: kSpanRows row tiles by as many token
    // tiles as it takes.
    __device__ Place place(const Product& p, int tile) const {
        const int per_span = kSpanRows * token_tiles, span = tile / per_span;
        const int inside = tile % per_span;
        const int rows = min(kSpanRows, row_tiles - span * kSpanRows);
        Place place;
        place.token = inside / rows * kTokens;
        int row = span * kSpanRows + inside % rows;
        for (; place.weight < kProductWeights - 1 && !p.gated; ++place.weight) {
            const int here = tiles_of(p, place.weight);
            if (row < here) break;
            row -= here;
        }
        place.row = row * tile_rows;
        return place;
    }
};

}  // namespace afs::cuda::product
