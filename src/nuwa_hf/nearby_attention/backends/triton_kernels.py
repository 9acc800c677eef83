# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The Triton kernels of 3D Nearby Attention. Imported only where they run, because they need the package triton.

A program computes one block of places of one head, and walks over the runs of places that the block meets (`runs`).
Which query sees which key follows from their coordinates. The softmax is taken online, in float32.

Legend: B batch, A heads, N queries, M keys, E head size. `geometry` holds the query grid, the key grid and the radii,
each as (t, h, w); strides are those of batch, heads and places. Arguments in capitals are constants of a kernel.
"""

import triton
import triton.language as tl


INTERPRETED = tl.constexpr(triton.knobs.runtime.interpret)


@triton.jit
def _at(base, strides, item, head):
    return base + item.to(tl.int64) * strides[0] + head.to(tl.int64) * strides[1]


@triton.jit
def _cells(strides, places, columns):
    return places[:, None].to(tl.int64) * strides[2] + columns[None, :]


@triton.jit
def _load(base, strides, places, count, columns, HEAD_SIZE: tl.constexpr):
    inside = (places < count)[:, None] & (columns < HEAD_SIZE)[None, :]
    return tl.load(base + _cells(strides, places, columns), mask=inside, other=0.0)


@triton.jit
def _store(base, strides, places, count, columns, tensor, HEAD_SIZE: tl.constexpr):
    inside = (places < count)[:, None] & (columns < HEAD_SIZE)[None, :]
    tl.store(base + _cells(strides, places, columns), tensor.to(base.dtype.element_ty), mask=inside)


@triton.jit
def _dot(one, other, PRECISION: tl.constexpr):
    if INTERPRETED:  # the interpreter keeps bfloat16 as integers, and would multiply these
        product = tl.dot(one.to(tl.float32), other.to(tl.float32))
    else:
        product = tl.dot(one, other, input_precision=PRECISION)
    return product


@triton.jit
def _near(queries, keys, geometry, padding, CAUSAL: tl.constexpr, PADDED: tl.constexpr):
    """Where each of `(n,)` queries sees each of `(m,)` keys: `neighborhood.mask_between`, and the padding."""
    qt, qh, qw = geometry[0], geometry[1], geometry[2]
    kt, kh, kw = geometry[3], geometry[4], geometry[5]
    dt = (queries // (qh * qw) * kt // qt)[:, None] - (keys // (kh * kw))[None, :]
    dh = (queries // qw % qh * kh // qh)[:, None] - (keys // kw % kh)[None, :]
    dw = (queries % qw * kw // qw)[:, None] - (keys % kw)[None, :]
    near = (tl.abs(dt) <= geometry[6]) & (tl.abs(dh) <= geometry[7]) & (tl.abs(dw) <= geometry[8])
    near = near & (queries < qt * qh * qw)[:, None] & (keys < kt * kh * kw)[None, :]
    if CAUSAL:
        near = near & (keys[None, :] <= queries[:, None])
    if PADDED:
        near = near & (tl.load(padding + keys, mask=keys < kt * kh * kw, other=0) != 0)[None, :]
    return near


@triton.jit
def _num_places(geometry):
    return geometry[0] * geometry[1] * geometry[2], geometry[3] * geometry[4] * geometry[5]


@triton.jit
def _block_of_program(count, heads, SIZE: tl.constexpr):
    """Which block of `count` places this program has, in which row of items times heads, which item and which head."""
    blocks = tl.cdiv(count, SIZE)
    row = tl.program_id(0) // blocks
    return tl.program_id(0) % blocks, row, row // heads, row % heads


@triton.jit
def _weights_and_gradient(q, k, v, g, near, logs, mean, scale, PRECISION: tl.constexpr):
    """The weights `(n, m)` of queries on keys, and the gradient of their scores before the scale."""
    scores = tl.where(near, _dot(q, tl.trans(k), PRECISION) * scale, float("-inf"))
    weights = tl.exp(scores - logs[:, None])
    return weights, weights * (_dot(g, tl.trans(v), PRECISION) - mean[:, None]) * scale


@triton.jit
def forward_kernel(
    query,
    key,
    value,
    padding,
    output,
    lse,
    starts,
    counts,
    num_runs,
    heads,
    scale,
    geometry,
    query_strides,
    key_strides,
    value_strides,
    output_strides,
    HEAD_SIZE: tl.constexpr,
    COLUMNS: tl.constexpr,
    SIZE: tl.constexpr,
    CAUSAL: tl.constexpr,
    PADDED: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """The output of one block of queries, and the log of the sum of their exponentials."""
    num_queries, num_keys = _num_places(geometry)
    block, row, item, head = _block_of_program(num_queries, heads, SIZE)
    columns = tl.arange(0, COLUMNS)
    queries = block * SIZE + tl.arange(0, SIZE)
    key, value = _at(key, key_strides, item, head), _at(value, value_strides, item, head)
    padding += item.to(tl.int64) * num_keys
    q = _load(_at(query, query_strides, item, head), query_strides, queries, num_queries, columns, HEAD_SIZE)

    largest = tl.full((SIZE,), float("-inf"), tl.float32)
    total = tl.zeros((SIZE,), tl.float32)
    mixed = tl.zeros((SIZE, COLUMNS), tl.float32)
    for run in range(tl.load(counts + block)):
        keys = tl.load(starts + block * num_runs + run) + tl.arange(0, SIZE)
        k = _load(key, key_strides, keys, num_keys, columns, HEAD_SIZE)
        v = _load(value, value_strides, keys, num_keys, columns, HEAD_SIZE)
        near = _near(queries, keys, geometry, padding, CAUSAL, PADDED)
        scores = tl.where(near, _dot(q, tl.trans(k), PRECISION) * scale, float("-inf"))
        now_largest = tl.maximum(largest, tl.max(scores, 1))
        level = tl.where(now_largest == float("-inf"), 0.0, now_largest)  # of a query that has seen no key yet
        weights = tl.exp(scores - level[:, None])
        faded = tl.exp(largest - level)
        total = total * faded + tl.sum(weights, 1)
        mixed = mixed * faded[:, None] + _dot(weights.to(v.dtype), v, PRECISION)
        largest = now_largest

    sees_nothing = total == 0.0
    total = tl.where(sees_nothing, 1.0, total)
    output = _at(output, output_strides, item, head)
    _store(output, output_strides, queries, num_queries, columns, mixed / total[:, None], HEAD_SIZE)
    logs = tl.where(sees_nothing, 0.0, largest + tl.log(total))
    tl.store(lse + row.to(tl.int64) * num_queries + queries, logs, mask=queries < num_queries)


@triton.jit
def query_gradient_kernel(
    query,
    key,
    value,
    padding,
    grad_output,
    lse,
    delta,
    grad_query,
    starts,
    counts,
    num_runs,
    heads,
    scale,
    geometry,
    query_strides,
    key_strides,
    value_strides,
    grad_output_strides,
    grad_query_strides,
    HEAD_SIZE: tl.constexpr,
    COLUMNS: tl.constexpr,
    SIZE: tl.constexpr,
    CAUSAL: tl.constexpr,
    PADDED: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """The gradient of one block of queries; `delta` is the product of output and its gradient, summed over E."""
    num_queries, num_keys = _num_places(geometry)
    block, row, item, head = _block_of_program(num_queries, heads, SIZE)
    columns = tl.arange(0, COLUMNS)
    queries = block * SIZE + tl.arange(0, SIZE)
    key, value = _at(key, key_strides, item, head), _at(value, value_strides, item, head)
    padding += item.to(tl.int64) * num_keys
    q = _load(_at(query, query_strides, item, head), query_strides, queries, num_queries, columns, HEAD_SIZE)
    grad_output = _at(grad_output, grad_output_strides, item, head)
    g = _load(grad_output, grad_output_strides, queries, num_queries, columns, HEAD_SIZE)
    places = row.to(tl.int64) * num_queries + queries
    logs = tl.load(lse + places, mask=queries < num_queries, other=0.0)
    mean = tl.load(delta + places, mask=queries < num_queries, other=0.0)

    gradient = tl.zeros((SIZE, COLUMNS), tl.float32)
    for run in range(tl.load(counts + block)):
        keys = tl.load(starts + block * num_runs + run) + tl.arange(0, SIZE)
        k = _load(key, key_strides, keys, num_keys, columns, HEAD_SIZE)
        v = _load(value, value_strides, keys, num_keys, columns, HEAD_SIZE)
        near = _near(queries, keys, geometry, padding, CAUSAL, PADDED)
        _, grad_scores = _weights_and_gradient(q, k, v, g, near, logs, mean, scale, PRECISION)
        gradient += _dot(grad_scores.to(k.dtype), k, PRECISION)

    grad_query = _at(grad_query, grad_query_strides, item, head)
    _store(grad_query, grad_query_strides, queries, num_queries, columns, gradient, HEAD_SIZE)


@triton.jit
def key_gradient_kernel(
    query,
    key,
    value,
    padding,
    grad_output,
    lse,
    delta,
    grad_key,
    grad_value,
    starts,
    counts,
    num_runs,
    heads,
    scale,
    geometry,
    query_strides,
    key_strides,
    value_strides,
    grad_output_strides,
    grad_key_strides,
    grad_value_strides,
    HEAD_SIZE: tl.constexpr,
    COLUMNS: tl.constexpr,
    SIZE: tl.constexpr,
    CAUSAL: tl.constexpr,
    PADDED: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """The gradients of one block of keys and of their values, over the runs of queries that see them."""
    num_queries, num_keys = _num_places(geometry)
    block, row, item, head = _block_of_program(num_keys, heads, SIZE)
    columns = tl.arange(0, COLUMNS)
    keys = block * SIZE + tl.arange(0, SIZE)
    query, grad_output = _at(query, query_strides, item, head), _at(grad_output, grad_output_strides, item, head)
    padding += item.to(tl.int64) * num_keys
    k = _load(_at(key, key_strides, item, head), key_strides, keys, num_keys, columns, HEAD_SIZE)
    v = _load(_at(value, value_strides, item, head), value_strides, keys, num_keys, columns, HEAD_SIZE)

    key_gradient = tl.zeros((SIZE, COLUMNS), tl.float32)
    value_gradient = tl.zeros((SIZE, COLUMNS), tl.float32)
    for run in range(tl.load(counts + block)):
        queries = tl.load(starts + block * num_runs + run) + tl.arange(0, SIZE)
        q = _load(query, query_strides, queries, num_queries, columns, HEAD_SIZE)
        g = _load(grad_output, grad_output_strides, queries, num_queries, columns, HEAD_SIZE)
        places = row.to(tl.int64) * num_queries + queries
        logs = tl.load(lse + places, mask=queries < num_queries, other=0.0)
        mean = tl.load(delta + places, mask=queries < num_queries, other=0.0)
        near = _near(queries, keys, geometry, padding, CAUSAL, PADDED)
        weights, grad_scores = _weights_and_gradient(q, k, v, g, near, logs, mean, scale, PRECISION)
        value_gradient += _dot(tl.trans(weights.to(g.dtype)), g, PRECISION)
        key_gradient += _dot(tl.trans(grad_scores.to(q.dtype)), q, PRECISION)

    grad_key, grad_value = _at(grad_key, grad_key_strides, item, head), _at(grad_value, grad_value_strides, item, head)
    _store(grad_key, grad_key_strides, keys, num_keys, columns, key_gradient, HEAD_SIZE)
    _store(grad_value, grad_value_strides, keys, num_keys, columns, value_gradient, HEAD_SIZE)
