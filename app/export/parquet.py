"""The export as Apache Parquet: typed columns, compressed, in row groups that are written and forgotten."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from app.domain.sink import Sink

# What stands in memory at a time, as CSV; a reader takes a row group at a time too.
ROW_GROUP = 2 * 1024 * 1024

# The library's own allocator keeps what a group took, for each thread that made one; the system's gives it back when
# it is asked to. What asks no pool in particular takes ARROW_DEFAULT_MEMORY_POOL's, which `toprank serve` sets.
_MEMORY = pa.system_memory_pool()
pa.set_memory_pool(_MEMORY)

_TIME = pa.timestamp("us", tz="UTC")
_TYPES = {
    "annotation_id": pa.int64(),
    "comparison_id": pa.int64(),
    "passage_id": pa.int64(),
    "citation_blocked": pa.bool_(),
    "scenario": pa.int16(),
    "passage_exposure": pa.int16(),
    "claimed_at": _TIME,
    "shown_at": _TIME,
    "answered_at": _TIME,
    "duration_ms": pa.int32(),
    "candidate_ttr": pa.float64(),
}


def parquet_pieces(copied: Iterator[bytes], columns: Sequence[str]) -> Iterator[bytes]:
    """A Parquet file from pieces of CSV without a head, each of whole rows.

    A group is packed in a thread while the next one comes from Postgres, so that neither waits for the other.
    """
    schema = pa.schema([(name, _TYPES.get(name, pa.string())) for name in columns])
    # Numbers and times hardly repeat: a dictionary of them takes longer and more room than they do.
    of_few_values = [name for name in columns if name not in _TYPES]
    sink = Sink()
    packing: Future[None] | None = None
    with pq.ParquetWriter(sink, schema, compression="zstd", use_dictionary=of_few_values) as writer:
        with ThreadPoolExecutor(max_workers=1) as packer:
            for group in _groups(copied):
                if packing is not None:
                    packing.result()
                    yield sink.taken()
                packing = packer.submit(_pack, writer, group)
        if packing is not None:
            packing.result()
    yield sink.taken()


def _pack(writer: pq.ParquetWriter, group: bytes) -> None:
    writer.write_table(_table(group, writer.schema))
    _MEMORY.release_unused()


def _groups(copied: Iterator[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for piece in copied:
        waiting.append(piece)
        size += len(piece)
        if size >= ROW_GROUP:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def _table(group: bytes, schema: pa.Schema) -> pa.Table:
    # Postgres leaves a missing value bare and quotes an empty text, so the two stay apart.
    return pa_csv.read_csv(
        pa.BufferReader(group),
        read_options=pa_csv.ReadOptions(column_names=schema.names, use_threads=False, block_size=len(group)),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
