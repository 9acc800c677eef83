# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""NUWA as Hugging Face models: `NuwaModel` and `NuwaForConditionalGeneration`.

Legend: B batch, L text length, T, H, W visual grid, N = T H W, D hidden size, V codebook size.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Self

import torch
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import nn
from transformers import initialization as init
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import GENERATION_CONFIG_NAME, SAFE_WEIGHTS_NAME

from nuwa_hf.generation.cache import StepCache
from nuwa_hf.generation.step_tables import Step
from nuwa_hf.grid import Grid
from nuwa_hf.modeling.adapters import AdaptersMixin
from nuwa_hf.modeling.attention import DEFAULT_ATTENTION
from nuwa_hf.modeling.condition_encoder import NuwaConditionEncoder, NuwaEncoderLayer
from nuwa_hf.modeling.configuration_nuwa import NuwaConfig
from nuwa_hf.modeling.decoder_input import given_tokens
from nuwa_hf.modeling.device_maps import check_one_accelerator
from nuwa_hf.modeling.embeddings import (
    NuwaAxisPositions,
    NuwaKnownEmbeddings,
    NuwaSketchEmbeddings,
    NuwaTextEmbeddings,
    NuwaVisualEmbeddings,
)
from nuwa_hf.modeling.equal_rows import EqualRows
from nuwa_hf.modeling.generation_mixin import NuwaGenerationMixin
from nuwa_hf.modeling.int8_linear import check_is_cpu
from nuwa_hf.modeling.int8_quantizer import QUANT_METHOD
from nuwa_hf.modeling.laid_out_weights import LaidOutWeights, StepLinear, apply_each
from nuwa_hf.modeling.layerwise_casting import LayerwiseCastingMixin
from nuwa_hf.modeling.modeling_outputs import (
    NuwaCondition,
    NuwaConditionalGenerationOutput,
    NuwaModelOutput,
)
from nuwa_hf.modeling.sampling_runs import SamplingRuns, require_gradients
from nuwa_hf.modeling.token_checks import (
    check_embedded_text,
    check_encoded_text,
    check_one_text,
    check_place_mask,
    check_rows,
    check_sketch,
    check_text_mask,
    check_tokens,
    check_whole_numbers,
)
from nuwa_hf.modeling.token_decoder import NuwaDecoderLayer, NuwaTokenDecoder
from nuwa_hf.modeling.token_loss import token_cross_entropy
from nuwa_hf.nearby_attention.tables import TablesUser
from nuwa_hf.standalone.saving import saves_standalone
from nuwa_hf.storage.broken_checkpoints import naming_what_is_broken
from nuwa_hf.storage.find_checkpoint import (
    EMBEDDED,
    HUB_ARGUMENTS,
    find_checkpoint,
    naming_refused_weights,
    with_settings,
)
from nuwa_hf.storage.folder_contents import base_of_adapter
from nuwa_hf.storage.local_checkpoint import check_local_model, check_local_weights
from nuwa_hf.storage.offloaded_weights import group_offloading_hook
from nuwa_hf.storage.saved_models import saves_whole
from nuwa_hf.storage.weights_files import check_some_are_loaded


TEXT_WINDOW = (None, 1, 1)  # (t, h, w); the paper writes it as (1, 1, all)


@saves_standalone
class NuwaPreTrainedModel(AdaptersMixin, PreTrainedModel, LayerwiseCastingMixin):
    """Base class of the NUWA models: initialisation, loading and the choice of an attention implementation."""

    config: NuwaConfig
    base_model_prefix = "model"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    accepts_loss_kwargs = False  # the loss is a mean over this process's labels
    _no_split_modules = [NuwaEncoderLayer.__name__, NuwaDecoderLayer.__name__]  # noqa: RUF012
    _supports_sdpa = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def __init__(self, config: NuwaConfig):
        super().__init__(config)
        self._laid_out_weights = LaidOutWeights()
        self._sampling_runs = SamplingRuns()
        # All models in the process share the mask tables, which must not hold device memory once a model is gone.
        self._tables_user = TablesUser()

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike | None, *model_args: Any, **kwargs: Any
    ) -> Self:
        """Load a model from a local folder or from the Hub.

        Args:
            pretrained_model_name_or_path (`str` or `os.PathLike`): a folder that `save_pretrained` wrote, or the id of
                a repository on the Hub, also of an adapter, which is loaded with its model; None if `state_dict` is
                given.
            model_args: positional arguments of the model.
            kwargs: everything that `PreTrainedModel.from_pretrained` takes.

        Returns:
            The model, in evaluation mode.

        Raises:
            OSError: If the weights are missing, cut off, a pointer of Git LFS, or of a model in a wrapper, or a file
                is broken.
            ValueError: If `device_map` names or takes several accelerators, or it is an adapter and the package peft
                is not installed.
        """
        check_one_accelerator(kwargs.get("device_map"))
        if pretrained_model_name_or_path is None:
            return super().from_pretrained(pretrained_model_name_or_path, *model_args, **kwargs)
        source = pretrained_model_name_or_path
        with naming_what_is_broken(source):
            kwargs = with_settings(source, (), kwargs)
            hub = {name: kwargs[name] for name in (*HUB_ARGUMENTS, "revision") if kwargs.get(name) is not None}
            of_adapter = {**hub, "subfolder": kwargs.get("subfolder") or "", **(kwargs.get("adapter_kwargs") or {})}
            base = base_of_adapter(source, **of_adapter)
        if base is not None:
            check_local_weights(source, of_adapter["subfolder"])
            # As Auto classes say where the adapter is; transformers itself would look for "embedded" on the Hub.
            kwargs["adapter_kwargs"] = {**of_adapter, "_adapter_model_path": os.fspath(source)}
            source = find_checkpoint(base)
            if base == EMBEDDED:
                kwargs["subfolder"] = "transformer"
        check_local_model(
            source,
            kwargs.get("subfolder"),
            has_config="config" in kwargs,
            has_key_mapping=kwargs.get("key_mapping") is not None,
        )
        with_info = kwargs.pop("output_loading_info", False)
        settings = [GENERATION_CONFIG_NAME] if cls.can_generate() and kwargs.get("generation_config") is None else []
        # PEFT draws weights, which those of an adapter replace.
        keeping_random_numbers = torch.random.fork_rng(devices=[], enabled=base is not None)
        refused = naming_refused_weights(source, SAFE_WEIGHTS_NAME, kwargs)
        with refused, naming_what_is_broken(pretrained_model_name_or_path), keeping_random_numbers:
            kwargs = with_settings(source, settings, kwargs)
            model, info = super().from_pretrained(source, *model_args, output_loading_info=True, **kwargs)
        check_one_accelerator(getattr(model, "hf_device_map", None))  # "auto" is known only now
        check_some_are_loaded(pretrained_model_name_or_path, model.state_dict(), info["missing_keys"])
        return (model, info) if with_info else model

    save_pretrained = saves_whole(PreTrainedModel.save_pretrained)

    def free_laid_out_weights(self) -> None:
        """Free what sampling keeps between calls; the next call makes it anew.

        On a CPU these are copies of the weights, on CUDA recorded steps with their keys and values. Moving, casting or
        training the model frees them too.
        """
        self._laid_out_weights.free()
        self._sampling_runs.free()

    def with_fixed_weights(self) -> AbstractContextManager[None]:
        """A context in which the caller does not change the weights, nor adds adapters or hooks.

        Sampling reads all weights at the start of each call, to see whether they have changed. Within this context
        only the first call does.

        Returns:
            `AbstractContextManager`: contexts may overlap, in several threads too.
        """
        return self._laid_out_weights.fixed()

    def train(self, mode: bool = True):
        """Set training or evaluation mode. Training mode also frees the copies of weights that sampling keeps."""
        if mode:
            self.free_laid_out_weights()
        return super().train(mode)

    @torch.no_grad()
    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, NuwaAxisPositions):
            for positions in (module.time, module.height, module.width):
                init.normal_(positions, std=self.config.initializer_range)
        if isinstance(module, NuwaKnownEmbeddings):
            init.normal_(module.mask_token, std=self.config.initializer_range)
        if isinstance(module, NuwaVisualEmbeddings):
            init.normal_(module.bos, std=self.config.initializer_range)
            init.normal_(module.taps, std=len(module.offsets) ** -0.5 if module.offsets else 1.0)

    def get_correct_attn_implementation(self, requested_attention: str | None, is_init_check: bool = False) -> str:
        """The attention implementation to use: nearby attention with a backend of its own choice by default.

        Args:
            requested_attention (`str`, *optional*): the implementation that the user asked for.
            is_init_check (`bool`, defaults to `False`): passed on to transformers' checks.

        Returns:
            `str`: a name of transformers' attention interface.
        """
        return super().get_correct_attn_implementation(requested_attention or DEFAULT_ATTENTION, is_init_check)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype that layers compute in: that of a parameter that is never stored in another one."""
        return self.base_model.decoder.embeddings.bos.dtype

    def _apply(self, fn, recurse=True):
        self.free_laid_out_weights()
        if getattr(self, "quantization_method", None) == QUANT_METHOD:
            check_is_cpu(fn(torch.empty(0)).device)  # before any part has moved
        return super()._apply(fn, recurse)

    def enable_input_require_grads(self) -> None:
        """Let the embeddings of texts, sketches, known parts and visual tokens require gradients, as reentrant
        checkpoints of layers with adapters need where the embeddings themselves are frozen.
        """
        super().enable_input_require_grads()
        base = self.base_model
        for embeddings in (base.sketch_embeddings, base.known_embeddings, base.decoder.embeddings):
            self._require_grads_hooks.append(embeddings.register_forward_hook(require_gradients))

    def freeze_text_encoder(self) -> None:
        """Freeze CLIP's text model; its projection to NUWA's hidden size stays trainable.

        Raises:
            ValueError: If the model has no CLIP text model.
        """
        if self.config.text_encoder_config is None:
            raise ValueError("`text_encoder_config` must be set to freeze a text encoder, got None; this has no CLIP.")
        self.base_model.text_encoder.clip.requires_grad_(False)


class NuwaModel(NuwaPreTrainedModel):
    """Condition encoder and visual token decoder, without the head over the codebook (NUWA, section "Method").

    One encoder reads every condition: a text, a sketch, or the known part of the image or video to generate. With a
    `text_encoder_config`, CLIP's text model reads the texts instead, and our encoder reads the other conditions.

    Args:
        config (`NuwaConfig`): sizes.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__(config)
        if config.text_encoder_config is None:
            self.text_embeddings = NuwaTextEmbeddings(config)
        else:
            from nuwa_hf.modeling.clip_text import NuwaClipTextEncoder  # loaded only if needed

            self.text_encoder = NuwaClipTextEncoder(config)
        self.sketch_embeddings = NuwaSketchEmbeddings(config)
        self.known_embeddings = NuwaKnownEmbeddings(config)
        self.encoder = NuwaConditionEncoder(config)
        self.decoder = NuwaTokenDecoder(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """The text embedding."""
        return self._text_embeddings.token_embedding

    def set_input_embeddings(self, value: nn.Embedding):
        """Replace the text embedding."""
        self._text_embeddings.token_embedding = value
        if self.config.text_encoder_config is not None:
            self.config.text_encoder_config.vocab_size = value.num_embeddings

    @property
    def text_side(self) -> nn.Module:
        """The part that only reads texts: our text embeddings, or CLIP's text model with its projection."""
        return self.text_embeddings if self.config.text_encoder_config is None else self.text_encoder

    @property
    def _text_embeddings(self) -> nn.Module:
        return self.text_embeddings if self.config.text_encoder_config is None else self.text_encoder.clip.embeddings

    def encode_text(
        self,
        input_ids: torch.Tensor | None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **outputs: bool,
    ) -> NuwaCondition:
        """Encode text into the condition that the decoder reads.

        Args:
            input_ids (`torch.LongTensor` of shape `(B, L)`, *optional*): text tokens, `L` at most `max_text_length`.
            attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens.
            inputs_embeds (`torch.Tensor` of shape `(B, L, D)`, *optional*): what `get_input_embeddings()` makes of
                tokens, or other vectors, in place of `input_ids`; positions are added to them. Not with CLIP.
            outputs (`bool`): `output_hidden_states` and `output_attentions`, whether to keep those of every layer.

        Returns:
            `NuwaCondition`: the condition on the grid `(L, 1, 1)`, which every place sees as a whole.

        Raises:
            TypeError: If the tokens are not integers, or the embeddings no floats.
            ValueError: If the shapes do not match or the text is too long, or CLIP would have to read embeddings.
        """
        if inputs_embeds is not None:
            check_embedded_text(inputs_embeds, attention_mask, self.config)
            inputs_embeds = inputs_embeds.to(self.dtype)
        else:
            check_whole_numbers("input_ids", input_ids)
            if input_ids.ndim != 2 or not 1 <= input_ids.shape[1] <= self.config.max_text_length:
                raise ValueError(
                    f"`input_ids` must have shape (batch, length) with 1 to {self.config.max_text_length} tokens, got "
                    f"{tuple(input_ids.shape)}; truncate the text."
                )
            if attention_mask is not None:
                check_text_mask("`attention_mask`", attention_mask, input_ids.shape)
        length = (input_ids if inputs_embeds is None else inputs_embeds).shape[1]
        grid = Grid(length, 1, 1)
        mask = None if attention_mask is None else attention_mask.bool()
        if self.config.text_encoder_config is None:
            embedded = self.text_embeddings(input_ids, inputs_embeds)
            encoded = self.encoder(embedded, grid, TEXT_WINDOW, mask, **outputs)
        else:
            encoded = self.text_encoder(input_ids, mask, **outputs)
        return NuwaCondition(
            encoded.last_hidden_state, grid, (None, None, None), mask, encoded.hidden_states, encoded.attentions
        )

    def text_condition(
        self, encoder_hidden_states: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> NuwaCondition:
        """Encoded text as the condition that the decoder reads.

        Args:
            encoder_hidden_states (`torch.Tensor` of shape `(B, L, D)`): what `encode_text` made of a text, or a
                mixture of such; `L` at most `max_text_length`.
            attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens.

        Returns:
            `NuwaCondition`: the condition on the grid `(L, 1, 1)`, which every place sees as a whole.

        Raises:
            ValueError: If a shape is wrong.
        """
        check_encoded_text("encoder_hidden_states", encoder_hidden_states, attention_mask, self.config)
        mask = None if attention_mask is None else attention_mask.bool()
        grid = Grid(encoder_hidden_states.shape[1], 1, 1)
        return NuwaCondition(encoder_hidden_states.to(self.dtype), grid, (None, None, None), mask)

    def encode_sketch(self, sketch_tokens: torch.Tensor, attention_mask: torch.Tensor | None = None) -> NuwaCondition:
        """Encode a sketch into a condition, of which each place reads the part near itself.

        Args:
            sketch_tokens (`torch.LongTensor` of shape `(B, T, H, W)`): tokens in [0, sketch_codebook_size), with
                `T = 1` for an image.
            attention_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where the sketch may be seen.
                An item whose sketch is hidden everywhere is treated as one without a sketch.

        Returns:
            `NuwaCondition`: the condition on the grid `(T, H, W)`.

        Raises:
            TypeError: If the tokens are not integers, or the mask is not bool.
            ValueError: If a shape is wrong or the grid exceeds the learnt positions.
        """
        check_sketch(sketch_tokens, attention_mask, self.config)
        if attention_mask is not None:
            attention_mask = attention_mask.flatten(1)
        return self._encode_grid(self.sketch_embeddings(sketch_tokens), Grid(*sketch_tokens.shape[1:]), attention_mask)

    def encode_known(self, visual_tokens: torch.Tensor, known_mask: torch.Tensor) -> NuwaCondition:
        """Encode the known part of an image or video, as a condition that shows every place what is known around it.

        Deviation: in the paper only the decoder reads the known part, so a place sees only what is known before it
        in raster order (docs/deviations.md#completion-that-looks-both-ways).

        Args:
            visual_tokens (`torch.LongTensor` of shape `(B, T, H, W)`): tokens in [0, codebook_size); the values of
                unknown tokens have no effect.
            known_mask (`torch.BoolTensor` of shape `(B, T, H, W)`): True where a token is known.

        Returns:
            `NuwaCondition`: the condition on the grid `(T, H, W)`.

        Raises:
            TypeError: If the mask is not bool.
            ValueError: If the mask does not have the shape of the tokens.
        """
        check_place_mask("known_mask", known_mask, visual_tokens.shape)
        embedded = self.known_embeddings(self.decoder.embeddings.token_embedding(visual_tokens), known_mask)
        return self._encode_grid(embedded, Grid(*visual_tokens.shape[1:]), None)

    def _encode_grid(self, embedded: torch.Tensor, grid: Grid, key_padding_mask: torch.Tensor | None) -> NuwaCondition:
        window = self.config.condition_window
        encoded = self.encoder(embedded, grid, window, key_padding_mask).last_hidden_state
        return NuwaCondition(encoded, grid, window, key_padding_mask)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        visual_tokens: torch.Tensor | None = None,
        sketch_tokens: torch.Tensor | None = None,
        sketch_attention_mask: torch.Tensor | None = None,
        known_mask: torch.Tensor | None = None,
        encoder_hidden_states: torch.Tensor | None = None,
        cache: StepCache | None = None,
        step: Step | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: bool | None = None,
        decoder_input_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **others: Any,
    ) -> NuwaModelOutput | tuple:
        """Run all places at once (teacher forcing) or, with a cache, the places of one step.

        Args:
            input_ids (`torch.LongTensor` of shape `(B, L)`, *optional*): text tokens. With a cache, these and the
                other conditions are read only in the first step.
            attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens.
            visual_tokens (`torch.LongTensor` of shape `(B, T, H, W)`): tokens in [0, codebook_size).
            sketch_tokens (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): a sketch, tokens in
                [0, sketch_codebook_size).
            sketch_attention_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where the sketch may
                be seen.
            known_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where `visual_tokens` are
                known; the known part then becomes a condition as well.
            encoder_hidden_states (`torch.Tensor` of shape `(B, L, D)`, *optional*): the encoded text, in place of
                `input_ids`.
            cache (`StepCache`, *optional*): the state shared by the steps of one sampling run; this step adds to it.
            step (`Step`, *optional*): the n places to compute instead of all N; required with a cache.
            output_hidden_states (`bool`, *optional*): also return the hidden states.
            output_attentions (`bool`, *optional*): also return attention weights; needs `attn_implementation="eager"`.
            return_dict (`bool`, *optional*): `False` returns a tuple.
            decoder_input_ids (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): `visual_tokens` under the name
                that they have in sequence-to-sequence models.
            inputs_embeds (`torch.Tensor` of shape `(B, L, D)`, *optional*): embeddings of text tokens, in place of
                `input_ids`, as `encode_text` takes them.
            others: None, for arguments of sequence-to-sequence models that have no meaning here; PEFT passes some.

        Returns:
            `NuwaModelOutput` or `tuple`.

        Raises:
            TypeError: If tokens are not integers, or there is no such argument.
            ValueError: If an argument is invalid. This is checked before anything is computed.
        """
        visual_tokens = given_tokens(visual_tokens, decoder_input_ids, others, self.forward)
        if visual_tokens is None:
            raise ValueError(
                "`visual_tokens` must be given: a tensor of shape (batch, t, h, w); beside `labels` too, where "
                "something takes these away, as transformers' `Trainer` does with a `label_smoothing_factor`."
            )
        if cache is None:
            check_tokens("visual_tokens", visual_tokens, self.config)
        output_attentions = self.config.output_attentions if output_attentions is None else output_attentions
        if output_attentions and self.config._attn_implementation != "eager":
            raise ValueError(
                '`output_attentions` needs `attn_implementation="eager"`, got '
                f"{self.config._attn_implementation!r}; call `model.set_attn_implementation('eager')`."
            )
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        outputs = {"output_hidden_states": output_hidden_states, "output_attentions": output_attentions}
        conditions = None if cache is None else cache.conditions
        if conditions is None:
            # Before the text is encoded; what encodes it checks the text itself.
            texts = {
                "input_ids": input_ids,
                "inputs_embeds": inputs_embeds,
                "encoder_hidden_states": encoder_hidden_states,
            }
            check_one_text(texts, is_needed=False)
            if sketch_tokens is not None:
                check_sketch(sketch_tokens, sketch_attention_mask, self.config)
            elif sketch_attention_mask is not None:
                raise ValueError(
                    "`sketch_attention_mask` must stand beside `sketch_tokens`, got it alone; leave it out."
                )
            if known_mask is not None:
                check_place_mask("known_mask", known_mask, visual_tokens.shape)
            for name, tensor in {**texts, "sketch_tokens": sketch_tokens}.items():
                check_rows(name, tensor, "visual_tokens", visual_tokens)
            equal = {} if cache is None else cache.equal_rows
            if encoder_hidden_states is not None:
                text = _encode_once(self.text_condition, encoder_hidden_states, attention_mask, equal.get("text"))
            elif inputs_embeds is not None:
                text = self.encode_text(None, attention_mask, inputs_embeds, **outputs)
            else:
                text = _encode_once(self.encode_text, input_ids, attention_mask, equal.get("text"), **outputs)
            conditions = [text]
            if sketch_tokens is not None:
                sketch = _encode_once(self.encode_sketch, sketch_tokens, sketch_attention_mask, equal.get("sketch"))
                conditions.append(sketch)
            if known_mask is not None:
                conditions.append(_encode_once(self.encode_known, visual_tokens, known_mask, equal.get("known")))
            if cache is not None:
                cache.conditions = conditions
        output = self.decoder(visual_tokens, conditions, cache=cache, step=step, **outputs)
        return output if _wants_dict(return_dict, self.config) else output.to_tuple()


class NuwaForConditionalGeneration(NuwaPreTrainedModel, NuwaGenerationMixin):
    """`NuwaModel` with a head over the codebook, for training with a loss and for sampling with `generate`.

    Args:
        config (`NuwaConfig`): sizes.
    """

    def __init__(self, config: NuwaConfig):
        super().__init__(config)
        if self.generation_config.do_sample is None:  # in which transformers saves no temperature and the like
            self.generation_config.do_sample = True
        self.model = NuwaModel(config)
        self.head = nn.Linear(config.hidden_size, config.codebook_size, bias=False)
        self.post_init()

    @apply_forward_hook
    def encode_text(
        self,
        input_ids: torch.Tensor | None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
    ) -> NuwaCondition:
        """Encode text, as `NuwaModel.encode_text` does, with the model on its device if it is offloaded.

        Args:
            input_ids (`torch.LongTensor` of shape `(B, L)`, *optional*): text tokens, `L` at most `max_text_length`.
            attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens.
            inputs_embeds (`torch.Tensor` of shape `(B, L, D)`, *optional*): embeddings of tokens, in place of
                `input_ids`.

        Returns:
            `NuwaCondition`: its `hidden_states` are `encoder_hidden_states` of a call.

        Raises:
            TypeError: If the tokens are not integers, or the embeddings no floats.
            ValueError: If the shapes do not match or the text is too long, or CLIP would have to read embeddings.
        """
        inputs = (input_ids, attention_mask, inputs_embeds)
        hook = group_offloading_hook(self)
        if hook is None:
            return self.model.encode_text(*inputs)
        # The hook brings the weights for `forward`, which is not called here.
        inputs, _ = hook.pre_forward(self, *inputs)
        try:
            return self.model.encode_text(*inputs)
        finally:
            hook.post_forward(self, None)

    def prepare_step_linear(self) -> StepLinear:
        """Lay out the weights for sampling steps where this helps; layouts are kept until outdated or freed.

        Returns:
            `StepLinear`: applies linear layers in the steps of one sampling run.
        """
        return self._laid_out_weights.prepare(self, step_products(self))

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        visual_tokens: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        sketch_tokens: torch.Tensor | None = None,
        sketch_attention_mask: torch.Tensor | None = None,
        known_mask: torch.Tensor | None = None,
        encoder_hidden_states: torch.Tensor | None = None,
        cache: StepCache | None = None,
        step: Step | None = None,
        logits_to_keep: int | list[int] | torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: bool | None = None,
        decoder_input_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **others: Any,
    ) -> NuwaConditionalGenerationOutput | tuple:
        """Logits of the token at each place, given the conditions and the tokens before it.

            loss = - mean over counted places of log p(y_n | y_(before n), conditions)      (NUWA, section "Training")

        Logits and labels are aligned: nothing is shifted, since the input of a place never contains its own token.

        Args:
            input_ids (`torch.LongTensor` of shape `(B, L)`, *optional*): text tokens.
            attention_mask (`torch.Tensor` of shape `(B, L)`, *optional*): nonzero at real tokens.
            visual_tokens (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): tokens in [0, codebook_size).
                `labels` when not given, which must not contain -100 then.
            labels (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): tokens to predict; the loss ignores -100.
            sketch_tokens (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): a sketch, tokens in
                [0, sketch_codebook_size).
            sketch_attention_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where the sketch may
                be seen.
            known_mask (`torch.BoolTensor` of shape `(B, T, H, W)`, *optional*): True where `visual_tokens` are
                known; the known part then becomes a condition as well, and its labels should be -100.
            encoder_hidden_states (`torch.Tensor` of shape `(B, L, D)`, *optional*): the encoded text, in place of
                `input_ids`.
            cache (`StepCache`, *optional*): the state shared by the steps of one sampling run; this step adds to it.
            step (`Step`, *optional*): the n places to compute instead of all N; required with a cache.
            logits_to_keep (`int`, `list[int]` or `torch.LongTensor`, *optional*): the places that get logits, or how
                many of the last ones; all of them when it is not given or 0. `[]` saves memory in training: the loss
                itself never holds the logits of all places.
            output_hidden_states (`bool`, *optional*): also return the hidden states.
            output_attentions (`bool`, *optional*): also return attention weights; needs `attn_implementation="eager"`.
            return_dict (`bool`, *optional*): `False` returns a tuple.
            decoder_input_ids (`torch.LongTensor` of shape `(B, T, H, W)`, *optional*): `visual_tokens` under the name
                that they have in sequence-to-sequence models.
            inputs_embeds (`torch.Tensor` of shape `(B, L, D)`, *optional*): embeddings of text tokens, in place of
                `input_ids`, as `encode_text` takes them.
            others: None, for arguments of sequence-to-sequence models that have no meaning here; PEFT passes some.

        Returns:
            `NuwaConditionalGenerationOutput` or `tuple`.

        Raises:
            TypeError: If tokens or labels are not integers, or there is no such argument.
            ValueError: If an argument is invalid. This is checked before anything is computed.
        """
        visual_tokens = given_tokens(visual_tokens, decoder_input_ids, others, self.forward)
        if visual_tokens is None:
            visual_tokens = labels
        if labels is not None:
            check_whole_numbers("labels", labels)
            if visual_tokens.shape != labels.shape:
                raise ValueError(
                    f"`labels` must have the shape of `visual_tokens`, {tuple(visual_tokens.shape)}, got "
                    f"{tuple(labels.shape)}."
                )
        places = _places_to_keep(logits_to_keep)
        outputs = self.model(
            input_ids,
            attention_mask,
            visual_tokens,
            sketch_tokens=sketch_tokens,
            sketch_attention_mask=sketch_attention_mask,
            known_mask=known_mask,
            encoder_hidden_states=encoder_hidden_states,
            cache=cache,
            step=step,
            inputs_embeds=inputs_embeds,
            output_hidden_states=output_hidden_states,
            output_attentions=output_attentions,
            return_dict=True,
        )
        last_hidden_state = outputs.last_hidden_state
        loss = None
        if labels is not None:
            loss = token_cross_entropy(last_hidden_state, labels, self.head, self.config.codebook_size)
        kept = last_hidden_state if places is None else last_hidden_state[:, places]
        (logits,) = (apply_each if cache is None else cache.linear)(kept, self.head)
        if cache is None and places is None:
            logits = logits.unflatten(1, visual_tokens.shape[1:])
        output = NuwaConditionalGenerationOutput(
            loss=loss,
            logits=logits,
            decoder_hidden_states=outputs.decoder_hidden_states,
            decoder_attentions=outputs.decoder_attentions,
            cross_attentions=outputs.cross_attentions,
            encoder_last_hidden_state=outputs.encoder_last_hidden_state,
            encoder_hidden_states=outputs.encoder_hidden_states,
            encoder_attentions=outputs.encoder_attentions,
        )
        return output if _wants_dict(return_dict, self.config) else output.to_tuple()


def step_products(model: NuwaForConditionalGeneration) -> Iterator[tuple[nn.Module, ...]]:
    """The linear layers that a sampling step applies, grouped by the input they read.

    Args:
        model (`NuwaForConditionalGeneration`): the model.

    Yields:
        `tuple[nn.Module, ...]`: layers as they are passed to `StepLinear`.
    """
    for layer in model.model.decoder.layers:
        own, cross, feed_forward = layer.self_attn, layer.cross_attn, layer.feed_forward
        yield own.q_proj, own.k_proj, own.v_proj, cross.q_proj
        for alone in (own.o_proj, cross.o_proj, feed_forward.up_proj, feed_forward.down_proj):
            yield (alone,)
    yield (model.head,)


def _encode_once(
    encode: Callable[..., NuwaCondition],
    rows: torch.Tensor,
    mask: torch.Tensor | None,
    equal_rows: EqualRows | None,
    **outputs: bool,
) -> NuwaCondition:
    """A condition, of which equal rows of a sampling run are encoded once. A sketch may be hidden from some of them,
    never from the first.
    """
    if equal_rows is None:
        return encode(rows, mask, **outputs)
    first = equal_rows.first
    condition = encode(rows[first], None if mask is None else mask[first], **outputs)
    seen = None if condition.key_padding_mask is None else mask.flatten(1).bool()
    return replace(condition, key_padding_mask=seen, kinds=equal_rows.kinds)


def _places_to_keep(logits_to_keep: int | list[int] | torch.Tensor | None) -> slice | list[int] | torch.Tensor | None:
    if not isinstance(logits_to_keep, int):
        return logits_to_keep
    if logits_to_keep < 0:
        raise ValueError(
            f"`logits_to_keep` must be a number of places of at least 0, or a list of places, got {logits_to_keep}; "
            f"[{logits_to_keep}] is that place alone."
        )
    return slice(-logits_to_keep, None) if logits_to_keep else None


def _wants_dict(return_dict: bool | None, config: NuwaConfig) -> bool:
    return config.return_dict if return_dict is None else return_dict
