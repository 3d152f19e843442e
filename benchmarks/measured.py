"""What a run of judgements took."""

from dataclasses import dataclass
from statistics import quantiles


@dataclass
class Measured:
    """Latencies (seconds) and CPU (seconds) of a run; the client's shares the machine and is no cost of ours."""

    latencies: list[float]
    wall: float
    app_cpu: float
    postgres_cpu: float
    client_cpu: float = 0.0

    def summary(self) -> dict[str, float]:
        """Rates and percentiles, rounded for reading."""
        cycles = len(self.latencies)
        return {
            "cycles": cycles,
            "cycles_per_s": round(cycles / self.wall, 1),
            **percentiles(self.latencies),
            "cpu_ms_per_cycle": round(1000 * (self.app_cpu + self.postgres_cpu) / cycles, 2),
            "app_cpu_ms_per_cycle": round(1000 * self.app_cpu / cycles, 2),
            "postgres_cpu_ms_per_cycle": round(1000 * self.postgres_cpu / cycles, 2),
            "client_cpu_ms_per_cycle": round(1000 * self.client_cpu / cycles, 2),
        }


def percentiles(latencies: list[float]) -> dict[str, float]:
    """Median and 99th percentile (milliseconds)."""
    of_hundred = quantiles(latencies, n=100)
    return {"p50_ms": round(1000 * of_hundred[49], 2), "p99_ms": round(1000 * of_hundred[98], 2)}
