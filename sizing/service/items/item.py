"""What do one image or clip of a service compute, hold and take?"""

from sizing.model.denoiser import latent_tokens, pass_work
from sizing.plan.service.items.item import ItemPlan
from sizing.replica.calibrated import bought_quantile
from sizing.replica.case import Case, Choice
from sizing.replica.item import utilisation_limit
from sizing.values.exact import plain


def item_plan(case: Case, choice: Choice) -> ItemPlan | None:
    """Return the item on the chosen cards; None for text, and where its time is unknown."""
    made, found = case.made, case.item_estimate(choice.fit.tensor_parallel)
    held = case.need.item
    if made is None or found is None or held is None:
        return None
    item, time = found.item, found.time
    quantile = bought_quantile(case.workload)
    work = pass_work(made.denoiser, item)
    return ItemPlan(
        model=made.model.model,
        basis="measured" if time.evidence.is_measured else "datasheet",
        coefficients=case.catalog.media_coefficients.fitted,
        assumed=made.assumed,
        runtime=case.workload.engine.runtime.value,
        encoder_placement=held.encoder_placement.value,
        width=item.width,
        height=item.height,
        frames=item.frames,
        steps=item.steps,
        passes=item.passes,
        text_tokens=item.text_tokens,
        latent_tokens=latent_tokens(made.denoiser, item),
        cards=found.cards.count,
        sequence_cards=found.cards.sequence,
        linear_flop=work.linear_flop,
        convolution_flop=work.convolution_flop,
        attention_flop=work.attention_flop,
        **time.terms._asdict(),
        seconds=time.seconds_per_item,
        low_s=time.low_seconds_per_item,
        high_s=time.high_seconds_per_item,
        quantile_percent=100 * quantile,
        sized_s=found.seconds(quantile),
        max_utilisation=plain(utilisation_limit(case.workload.capacity)),
        item_bytes=held.item_bytes,
        autoencoder_bytes=held.autoencoder_bytes,
        card_bytes=held.card_bytes(case.need.weights),
    )
