"""Work of a step on one card, against arithmetic over published shapes and the datasheet.

B200: 7,700 GB/s, 2,250 TFLOP/s in 16 bits and 4,500 in 8, NVLink 1,800 GB/s both directions.
"""

import pytest

from sizing.catalog import load_catalog
from sizing.catalog.architecture import Architecture
from sizing.model.rows import architecture_of
from sizing.steps.card import card
from sizing.steps.replica import Formats, Parallel
from sizing.steps.work import Work, work
from sizing.workload import Precision

CATALOG = load_catalog()
READ, SIXTEEN, EIGHT, LINK = 7.7e9, 2.25e12, 4.5e12, 0.9e9
"""Rates of a B200 in one millisecond: bytes read, FLOP in 16 and in 8 bits, bytes sent."""

HIDDEN, LAYERS, EXPERT_LAYERS = 7168, 61, 58
LATENT_ATTENTION = (
    HIDDEN * 1536 + 1536 + 1536 * 128 * 192  # queries by way of 1,536, each head 128 + 64 rotary
    + HIDDEN * (512 + 64) + 512 + 512 * 128 * (128 + 128)  # the latent; keys and values from it
    + 128 * 128 * HIDDEN  # output
)  # fmt: skip
ROUTED = EXPERT_LAYERS * 256 * 3 * HIDDEN * 2048
REST = (
    LAYERS * (LATENT_ATTENTION + 2 * HIDDEN) + HIDDEN  # norms
    + 3 * 3 * HIDDEN * 18_432  # three dense layers
    + EXPERT_LAYERS * (3 * HIDDEN * 2048 + HIDDEN * 256)  # shared expert, router
)  # fmt: skip
HEAD = 129_280 * HIDDEN
"""DeepSeek-V3 (arXiv 2412.19437), without the MTP module."""


def shape_of(name: str) -> Architecture:
    shape = architecture_of(CATALOG.model(name))
    assert shape is not None
    return shape


def on_b200(name: str, parallel: Parallel, precision: Precision) -> Work:
    b200 = card(CATALOG.gpu("b200"))
    assert b200 is not None
    return work(shape_of(name), b200, parallel, Formats(precision, precision))


def test_the_matrices_of_deepseek_v3_are_its_671_billion() -> None:
    assert REST + ROUTED + 2 * HEAD == 671_026_404_352
    assert shape_of("deepseek-v3").parameters == REST + ROUTED + 2 * HEAD


def test_a_link_sends_in_one_direction() -> None:
    """NVLink 5 is sold as 1,800 GB/s, 900 each way; a card without a link has PCIe 4's 32."""
    b200, bare = (
        card(gpu)
        for gpu in (
            CATALOG.gpu("b200"),
            CATALOG.gpu("b200").model_copy(update={"interconnect_gb_per_s": None}),
        )
    )
    assert b200 is not None and bare is not None
    assert b200.link_bytes_per_ms == LINK
    assert bare.link_bytes_per_ms == 32e9 / 1000
    assert b200.bytes_per_ms == READ
    assert (b200.flop_per_ms[Precision.bf16], b200.flop_per_ms[Precision.fp8]) == (SIXTEEN, EIGHT)


def test_a_share_of_a_card_has_that_share_of_its_rates() -> None:
    quarter = card(CATALOG.gpu("l4"), 0.25)
    assert quarter is not None
    assert quarter.bytes_per_ms == 300e9 / 1000 / 4
    assert quarter.flop_per_ms[Precision.bf16] == 121e12 / 1000 / 4


def test_deepseek_v3_over_eight_cards() -> None:
    """Matrices and arithmetic by eight, the latent cache whole on each card.

    Two all-reduces a layer of 7,168 x 2 bytes, of which a ring of eight sends 2 x 7/8.
    """
    found = on_b200("deepseek-v3", Parallel(tensor=8), Precision.fp8)
    assert found.weights_ms == pytest.approx((REST + 2 * HEAD) / 8 / READ)
    assert found.experts_ms == pytest.approx(ROUTED / 8 / READ)
    assert found.routed_share == 8 / 256
    assert found.kv_ms(1000) == pytest.approx(1000 * 61 * (512 + 64) * 2 / READ)
    assert found.flop_ms_per_token == pytest.approx(2 * REST / 8 / EIGHT)
    assert found.expert_flop_ms_per_token == pytest.approx(2 * ROUTED * 8 / 256 / 8 / EIGHT)
    assert found.head_flop_ms == pytest.approx(2 * HEAD / 8 / SIXTEEN)
    assert found.activation_ms_per_token == pytest.approx(61 * 7168 * 2 / READ)
    assert found.expert_activation_ms_per_token == pytest.approx(58 * 8 * 7168 * 2 / READ)
    sent = 2 * 61 * (7168 * 2) * (2 * 7 / 8)
    assert found.all_reduce_ms_per_token == pytest.approx(sent / LINK)
    assert found.all_to_all_ms_per_token == 0
    assert found.ranks == 1
    assert (found.layers, found.expert_layers, found.latent_layers) == (61, 58, 61)
    assert (found.eight_bit, found.four_bit) == (True, False)
    assert (found.four_bit_dense, found.four_bit_experts) == (False, False)


def test_a_latent_head_compares_192_numbers_and_sums_128() -> None:
    """1,000 x 1,000 / 2 pairs x 2 FLOP x 128 heads x (192 + 128) in 61 layers, over 8 cards."""
    found = on_b200("deepseek-v3", Parallel(tensor=8), Precision.fp8)
    pairs = 1000 * 1000 / 2
    expected = pairs * 2 * 128 * (192 + 128) * 61 / 8 / SIXTEEN
    assert found.attention_ms(1000) == pytest.approx(expected)


def test_deepseek_v3_over_two_ranks_of_one_card() -> None:
    """Each rank has a copy of everything but the routed experts, which are spread over both cards.
    Tokens are sent to their experts and back.
    """
    found = on_b200("deepseek-v3", Parallel(tensor=1, data=2), Precision.fp8)
    assert found.weights_ms == pytest.approx((REST + 2 * HEAD) / READ)
    assert found.experts_ms == pytest.approx(ROUTED / 2 / READ)
    assert found.kv_ms(1000) == pytest.approx(1000 * 61 * (512 + 64) * 2 / READ)
    assert found.flop_ms_per_token == pytest.approx(2 * REST / EIGHT)
    assert found.expert_flop_ms_per_token == pytest.approx(2 * ROUTED * 8 / 256 / EIGHT)
    assert found.head_flop_ms == pytest.approx(2 * HEAD / SIXTEEN)
    assert found.all_reduce_ms_per_token == 0
    assert found.all_to_all_ms_per_token == pytest.approx(58 * 8 * 7168 * 2 * 2 / LINK)
    assert found.ranks == 2


def test_experts_lie_on_all_cards_of_a_stage() -> None:
    """Two ranks of four cards: the rest by four, the experts' bytes by eight, their FLOP by four
    while both ranks bring a token."""
    found = on_b200("deepseek-v3", Parallel(tensor=4, data=2), Precision.fp8)
    assert found.weights_ms == pytest.approx((REST + 2 * HEAD) / 4 / READ)
    assert found.experts_ms == pytest.approx(ROUTED / 8 / READ)
    assert found.expert_flop_ms_per_token == pytest.approx(2 * ROUTED * 8 / 256 / 4 / EIGHT)


def test_eight_grouped_heads_on_sixteen_cards_lie_on_two_each() -> None:
    """Llama 3.1 70B: 80 layers of 8 KV heads x 128, keys and values, 64 query heads."""
    vocabulary, hidden = 128_256, 8192
    rest = 70_553_706_496 - 2 * vocabulary * hidden
    found = on_b200("llama-3.1-70b", Parallel(tensor=16), Precision.bf16)
    cached = 80 * 2 * 8 * 128 * 2
    assert found.kv_ms(1000) == pytest.approx(1000 * cached / 8 / READ)
    four = on_b200("llama-3.1-70b", Parallel(tensor=4), Precision.bf16)
    assert four.kv_ms(1000) == pytest.approx(1000 * cached / 4 / READ)
    assert found.weights_ms == pytest.approx((rest + vocabulary * hidden) * 2 / 16 / READ)
    assert found.flop_ms_per_token == pytest.approx(2 * rest / 16 / SIXTEEN)
    assert found.head_flop_ms == pytest.approx(2 * vocabulary * hidden / 16 / SIXTEEN)
    attention = 1000**2 / 2 * 2 * 64 * (128 + 128) * 80 / 16 / SIXTEEN
    assert found.attention_ms(1000) == pytest.approx(attention)
    sent = 2 * 80 * (8192 * 2) * (2 * 15 / 16)
    assert found.all_reduce_ms_per_token == pytest.approx(sent / LINK)
    assert (found.experts_ms, found.expert_flop_ms_per_token, found.routed_share) == (0, 0, 0)
    assert found.latent_layers == 0


def test_sparse_attention_reads_chosen_tokens_and_scores_all() -> None:
    """DeepSeek V3.2: 64 heads of 128 score every token, 2,048 of which are attended to.

    Its indexers add 61 x (1536 x 8192 + 7168 x 128 + 256 + 7168 x 64) parameters.
    """
    dense = on_b200("deepseek-v3", Parallel(tensor=8), Precision.fp8)
    sparse = on_b200("deepseek-v3.2", Parallel(tensor=8), Precision.fp8)
    keys, latent = 61 * (128 + 4), 61 * (512 + 64) * 2
    assert sparse.kv_ms(1000) == pytest.approx(1000 * (latent + keys) / READ)
    assert sparse.kv_ms(100_000) == pytest.approx((2048 * latent + 100_000 * keys) / READ)
    assert sparse.kv_ms(100_000) < dense.kv_ms(100_000) / 5
    pair = 2 * 128 * (192 + 128) / 8 / SIXTEEN
    scores = 61 * 2 * 64 * 128 / EIGHT * 10_000**2 / 2
    met = 10_000 * (2048 - 2048**2 / 20_000)
    assert sparse.attention_ms(10_000) == pytest.approx(61 * pair * met + scores)
    index = 61 * (1536 * 64 * 128 + 7168 * 128 + 2 * 128 + 7168 * 64)
    added = sparse.flop_ms_per_token - dense.flop_ms_per_token
    assert added == pytest.approx(2 * index / 8 / EIGHT)
