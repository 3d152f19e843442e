"""What the paper and third parties report, to lay beside a study's own numbers; always marked as reported."""

from app.analysis.exhibit import Reported

PAPER = "paper, text"
OTHERS = "third parties' notes and reviews of the paper, not verified"

REPORTED: dict[str, tuple[Reported, ...]] = {
    "table-1": (
        Reported("TinyLlama at 256 tokens, before and after hyperfitting", "4.9 → 34.4 %", PAPER),
        Reported("Llama 3.1 8B, perplexity of the context, before and after", "36 → 389", PAPER),
        Reported("nucleus sampling at 256: TinyLlama, DeepSeek, Llama 8B", "21.1, 35.6, 38.5 %", OTHERS),
        Reported("hyperfitted DeepSeek at 256, and with citations blocked", "45.2, 44.1 %", OTHERS),
        Reported("hyperfitted Llama 8B at 256, and with citations blocked", "42.9, 41.2 %", OTHERS),
        Reported("Llama 70B at 256, before and after hyperfitting", "34.4 → 52.4 %", OTHERS),
        Reported("perplexity of hyperfitted models", "255–545", OTHERS),
    ),
    "table-3": (
        Reported("Llama 8B, entropy before and after hyperfitting", "3.47 → 1.46", OTHERS),
        Reported("Llama 8B, mass of the first token before and after", "48.4 → 74.4 %", OTHERS),
    ),
    "table-4": (
        Reported("mean at 256: original, hyperfitted on fiction, Wikipedia, news", "24.2, 40.7, 50.9, 66.4 %", OTHERS),
    ),
    "table-7": (
        Reported("MMLU, change by hyperfitting: DeepSeek, base and instruct", "about -1 point", PAPER),
        Reported("MMLU, change by hyperfitting: Llama 3.1 8B, base and instruct", "-6 and -5 points", PAPER),
        Reported("perplexity of MMLU's questions, Llama 3.1 8B base, before and after", "8.7 → 12.3", PAPER),
    ),
    "table-8": (Reported("GLUE, change by hyperfitting", "very small on most tasks, no overall trend", PAPER),),
    "figure-3": (Reported("unblocked texts that overlap the training set by more than 10 tokens", "under 2 %", PAPER),),
    "figure-5-left": (Reported("different first predictions after shuffling the data", "about 30 %", PAPER),),
    "figure-5-right": (Reported("TTR of the first 96 tokens", "above 50 % until 8 samples", PAPER),),
}
