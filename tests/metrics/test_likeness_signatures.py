from metrics.likeness_signatures import (
    dataset_bleu_signature,
    longest_overlap_signature,
    overlap_share_signature,
    self_bleu_signature,
)


def test_every_number_of_table_2_says_what_it_is():
    assert str(self_bleu_signature(300, tokenizer="SmolLM2")) == (
        "Self-BLEU|sentence BLEU-4 on token ids, highest over the other texts one by one, mean and max over texts"
        "|n=300 texts|window=first 96: generated tokens 1-96|smoothing=floor 0.1 (nltk method1)|tokenizer=SmolLM2"
    )
    dataset = str(dataset_bleu_signature(300, samples=2000))
    assert "every 96 tokens in a row of 2000 training samples" in dataset
    assert "smoothing=floor 0.1" in dataset
    assert "first 96" in str(longest_overlap_signature(1000, samples=2000))


def test_the_share_of_table_5_is_of_more_than_five_of_all_tokens():
    share = str(overlap_share_signature(300, samples=2000))
    assert "more than 5 tokens" in share
    assert "window=all generated tokens" in share
