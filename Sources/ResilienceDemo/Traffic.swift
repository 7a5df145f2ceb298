import Foundation
import ResilienceCore

/// When each call starts: a Poisson process, as many independent callers make it.
struct Traffic: Sendable, Equatable {
    /// Moments since the start, in order. A call's number is its place here.
    let arrivals: [Duration]

    /// The same seed, rate and length give the same arrivals.
    init(seed: UInt64, callRate: Double, length: Duration) {
        guard callRate > 0, callRate.isFinite else {
            arrivals = []
            return
        }
        var generator = SplitMix64(seed: seed)
        var arrivals: [Duration] = []
        var moment = Duration.zero
        while true {
            let pause = -log(1 - Double.random(in: 0..<1, using: &generator)) / callRate
            moment += .microseconds(Int64(pause * 1_000_000))
            guard moment < length else { break }
            arrivals.append(moment)
        }
        self.arrivals = arrivals
    }

    init(_ scenario: Scenario, seed: UInt64) {
        self.init(seed: seed, callRate: scenario.callRate, length: scenario.length)
    }
}
