internal import ResilienceCore

/// The same numbers under the names, labels and scales of resilience4j's binder for Micrometer.
struct Resilience4jNames {
    private let metrics: MetricCollection

    init(_ metrics: MetricCollection) {
        self.metrics = metrics
    }

    var families: [ExposedFamily] { circuitBreaker + retry + timeLimiter + bulkhead + rateLimiter }

    // MARK: Circuit breaker

    private var circuitBreaker: [ExposedFamily] {
        [
            calls,
            family(
                "circuitbreaker_not_permitted_calls", .counter, "Total number of not permitted calls", kind,
                samples("circuit_breaker.calls", ["rejected": "not_permitted"])),
            family(
                "circuitbreaker_state", .gauge, "The states of the circuit breaker", ["name", "state"],
                samples(
                    "circuit_breaker.state",
                    [
                        "closed": "closed", "open": "open", "half_open": "half_open", "isolated": "forced_open",
                        "disabled": "disabled", "observing": "metrics_only",
                    ])),
            family(
                "circuitbreaker_buffered_calls", .gauge,
                "The number of buffered calls stored in the ring buffer", kind,
                samples("circuit_breaker.buffered_calls", ["succeeded": "successful", "failed": "failed"])),
            family(
                "circuitbreaker_failure_rate", .gauge, "The failure rate of the circuit breaker", ["name"],
                samples("circuit_breaker.failure_rate").map(Self.inPercent)),
            family(
                "circuitbreaker_slow_call_rate", .gauge, "The slow call rate of the circuit breaker", ["name"],
                samples("circuit_breaker.slow_call_rate").map(Self.inPercent)),
        ]
    }

    /// A timer there: the number of calls, and where they are measured, which is where the number comes from then,
    /// their duration.
    private var calls: ExposedFamily {
        let kinds = ["succeeded": "successful", "failed": "failed", "ignored": "ignored"]
        var measured: [[String]: DurationHistogram.Snapshot] = [:]
        for sample in samples("circuit_breaker.call_duration", kinds) {
            if case .histogram(let snapshot) = sample.value { measured[sample.labels] = snapshot }
        }
        let counted = samples("circuit_breaker.calls", kinds)
        var calls = family(
            "circuitbreaker_calls", .summary, unit: "seconds", "Total number of calls, and the time they took", kind,
            counted.map { sample in
                MetricCollection.Sample(
                    labels: sample.labels, value: measured[sample.labels].map { .integer($0.count) } ?? sample.value)
            })
        calls.sums = counted.map { measured[$0.labels]?.nanoseconds }
        return calls
    }

    /// 0 to 100, and -1 if there are too few calls.
    private static func inPercent(_ sample: MetricCollection.Sample) -> MetricCollection.Sample {
        guard case .number(let rate) = sample.value else { return sample }
        return MetricCollection.Sample(labels: sample.labels, value: .number(rate.isNaN ? -1 : rate * 100))
    }

    // MARK: Other patterns

    private var retry: [ExposedFamily] {
        let kinds = [
            "succeeded_without_retry": "successful_without_retry",
            "succeeded_with_retry": "successful_with_retry",
            "failed_without_retry": "failed_without_retry", "failed_with_retry": "failed_with_retry",
        ]
        return [
            family(
                "retry_calls", .counter, "The number of calls, with and without a retry attempt", kind,
                samples("retry.calls", kinds))
        ]
    }

    /// There a late value is a success, and a call that had no time left a timeout.
    private var timeLimiter: [ExposedFamily] {
        let kinds = [
            "succeeded": "successful", "late": "successful", "unlimited": "successful", "failed": "failed",
            "exceeded": "timeout", "rejected": "timeout",
        ]
        return [
            family(
                "timelimiter_calls", .counter, "The number of calls of the time limiter", kind,
                Self.merged(samples("timeout.calls", kinds)))
        ]
    }

    private var bulkhead: [ExposedFamily] {
        [
            gauge("bulkhead", "available_concurrent_calls", "The number of available permissions"),
            gauge("bulkhead", "max_allowed_concurrent_calls", "The maximum number of available permissions"),
            family("bulkhead_queue_depth", .gauge, "The queue depth", ["name"], samples("bulkhead.waiting")),
            gauge("bulkhead", "queue_capacity", "The queue capacity"),
        ]
    }

    private var rateLimiter: [ExposedFamily] {
        [
            family(
                "ratelimiter_available_permissions", .gauge, "The number of available permissions", ["name"],
                samples("rate_limiter.available_permissions")),
            family(
                "ratelimiter_waiting_threads", .gauge, "The number of waiting threads", ["name"],
                samples("rate_limiter.waiting")),
        ]
    }

    // MARK: Parts

    private let kind = ["name", "kind"]

    private func family(
        _ name: String, _ kind: ExposedFamily.Kind, unit: String? = nil, _ help: String, _ labels: [String],
        _ samples: [MetricCollection.Sample]
    ) -> ExposedFamily {
        // As many labels as there are keys, whatever a source of that name may have.
        let samples = samples.filter { $0.labels.count == labels.count }
        return ExposedFamily(
            "resilience4j_" + name, kind, unit: unit, labels: labels, help: help, values: samples.map(\.value),
            labelValues: samples.flatMap(\.labels))
    }

    private func gauge(_ pattern: String, _ name: String, _ help: String) -> ExposedFamily {
        family("\(pattern)_\(name)", .gauge, help, ["name"], samples("\(pattern).\(name)"))
    }

    private func samples(_ name: String) -> [MetricCollection.Sample] {
        metrics.samples(of: "resilience." + name)
    }

    /// The samples whose second label is a key, with the value in its place.
    private func samples(_ name: String, _ kinds: [String: String]) -> [MetricCollection.Sample] {
        samples(name).compactMap { sample in
            guard sample.labels.count == 2, let kind = kinds[sample.labels[1]] else { return nil }
            return MetricCollection.Sample(labels: [sample.labels[0], kind], value: sample.value)
        }
    }

    /// Samples with the same labels as one, with the sum of their whole numbers.
    private static func merged(_ samples: [MetricCollection.Sample]) -> [MetricCollection.Sample] {
        var positions: [[String]: Int] = [:]
        var merged: [MetricCollection.Sample] = []
        for sample in samples {
            if let position = positions[sample.labels] {
                guard case .integer(let sum) = merged[position].value, case .integer(let more) = sample.value else {
                    continue
                }
                merged[position] = MetricCollection.Sample(
                    labels: sample.labels, value: .integer(sum.addingSaturated(more)))
            } else {
                positions[sample.labels] = merged.count
                merged.append(sample)
            }
        }
        return merged
    }
}
