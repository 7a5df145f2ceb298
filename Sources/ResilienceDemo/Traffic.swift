import Foundation
import Resilience

/// When each call starts: a Poisson process, as many independent callers make it.
struct Traffic: Sendable, Equatable {
    /// Moments since the start, in order. A call's number is its place here.
    let arrivals: [Duration]

    /// The same seed, rate and length give the same arrivals.
    init(seed: UInt64, callRate: Double, length: Duration) {
        var generator = SplitMix64(seed: seed)
        arrivals = Self.arrivals(callRate, from: .zero, length, &generator)
    }

    /// Each phase with the traffic that belongs to it. A Poisson process has no memory, so each starts from nothing.
    init(_ scenario: Scenario, seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        arrivals = scenario.spans.flatMap { span in
            Self.arrivals(
                scenario.callRate * span.phase.trafficFactor, from: span.start, span.length, &generator)
        }
    }

    private static func arrivals(
        _ callRate: Double, from start: Duration, _ length: Duration, _ generator: inout SplitMix64
    ) -> [Duration] {
        guard callRate > 0, callRate.isFinite else { return [] }
        var arrivals: [Duration] = []
        var moment = start
        while true {
            let pause = -log(1 - Double.random(in: 0..<1, using: &generator)) / callRate
            moment += .microseconds(Int64(pause * 1_000_000))
            guard moment < start + length else { return arrivals }
            arrivals.append(moment)
        }
    }
}
