"""The loss that leaves its gradient in the logits, against PyTorch's own."""

import pytest
import torch
from torch.nn import functional
from transformers import Gemma2Config, Gemma2ForCausalLM

import hyperfitting.loss
from hyperfitting.loss import loss_and_gradient

ROWS, LENGTH, VOCABULARY = 3, 7, 11


def expected(logits: torch.Tensor, targets: torch.Tensor, weight: float) -> tuple[torch.Tensor, torch.Tensor]:
    logits = logits.detach().clone().requires_grad_()
    loss = weight * functional.cross_entropy(logits[:, :-1].float().flatten(0, 1), targets[:, 1:].flatten())
    (gradient,) = torch.autograd.grad(loss, logits)
    return loss.detach(), gradient


@pytest.mark.parametrize("at_once", [1, 2 * VOCABULARY, 2**20])  # a position at a time, two, all
@pytest.mark.parametrize("scale", [1.0, 200.0])  # at 200 the target's probability is 0 in float32
def test_loss_and_gradient_are_pytorchs(monkeypatch, at_once, scale):
    monkeypatch.setattr(hyperfitting.loss, "AT_ONCE_ON_CPU", at_once)
    generator = torch.Generator().manual_seed(0)
    logits = scale * torch.randn(ROWS, LENGTH, VOCABULARY, generator=generator)
    targets = torch.randint(VOCABULARY, (ROWS, LENGTH), generator=generator)
    loss, gradient = expected(logits, targets, 0.5)

    found, in_place = loss_and_gradient(logits, targets, weight=0.5)

    assert in_place is logits
    torch.testing.assert_close(found, loss)
    torch.testing.assert_close(in_place, gradient)


def test_bfloat16_logits_are_computed_in_float32_and_keep_their_own_format():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(ROWS, LENGTH, VOCABULARY, generator=generator).bfloat16()
    targets = torch.randint(VOCABULARY, (ROWS, LENGTH), generator=generator)
    loss, gradient = expected(logits, targets, 1.0)

    found, in_place = loss_and_gradient(logits, targets, weight=1.0)

    torch.testing.assert_close(found, loss)
    torch.testing.assert_close(in_place, gradient, rtol=1e-2, atol=1e-4)


def test_a_loss_that_is_no_number_is_none():
    logits = torch.zeros(1, 2, VOCABULARY)
    logits[0, 0, 3] = float("nan")

    assert loss_and_gradient(logits, torch.ones(1, 2, dtype=torch.long), weight=1.0)[0].isnan()


def test_a_model_that_caps_its_logits_gets_the_gradient_that_pytorchs_loss_gives_it():
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "vocab_size": VOCABULARY}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
    model = Gemma2ForCausalLM(Gemma2Config(**sizes, **heads, final_logit_softcapping=2.0)).train()
    rows = torch.randint(VOCABULARY, (ROWS, LENGTH))
    model(input_ids=rows, labels=rows).loss.backward()
    wanted = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()

    logits = model(input_ids=rows).logits
    logits.backward(loss_and_gradient(logits.detach(), rows, weight=1.0)[1])

    for parameter, gradient in zip(model.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
