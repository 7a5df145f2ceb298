import Resilience

/// What the upstream goes through.
enum Phase: String, CaseIterable, Sendable {
    case healthy
    case slow
    case failing
    case down
    case recovered
    case overloaded
    case calm

    /// What a spectator should know about the phase.
    var story: String {
        switch self {
        case .healthy: "answers take a few milliseconds, 3 in 100 are a 503"
        case .slow: "400 ms an answer, so it manages only 20 of 80 calls/s"
        case .failing: "most calls get a 503 or a reset after 60 ms"
        case .down: "the port is closed, connections are refused"
        case .recovered: "the port is open, answers as in the beginning"
        case .overloaded: "240 calls/s of 100 ms come, it manages 80"
        case .calm: "80 calls/s again, behind what has piled up"
        }
    }

    /// How many times the usual traffic comes.
    var trafficFactor: Double { self == .overloaded ? 3 : 1 }
}

/// How the upstream behaves in a phase: pure data and a pure choice for each request.
struct UpstreamBehaviour: Sendable, Equatable {
    enum Answer: Sendable, Equatable {
        case ok
        /// 503 with a `Retry-After`.
        case unavailable
        /// The connection is reset without an answer.
        case reset
    }

    /// What becomes of one request.
    struct Fate: Sendable, Equatable {
        /// How long a worker is busy with it.
        let work: Duration
        let answer: Answer
    }

    /// Whether the port is open.
    var isListening = true
    var work = Duration.milliseconds(6)
    /// How far the work of one request may be from `work`, as a share of it.
    var jitter = 0.5
    var shareUnavailable = 0.0
    var shareReset = 0.0

    static func during(_ phase: Phase) -> UpstreamBehaviour {
        switch phase {
        case .healthy, .recovered, .calm: UpstreamBehaviour(shareUnavailable: 0.03)
        case .slow: UpstreamBehaviour(work: .milliseconds(400), jitter: 0.2)
        case .failing:
            UpstreamBehaviour(work: .milliseconds(60), jitter: 0.3, shareUnavailable: 0.7, shareReset: 0.15)
        case .down: UpstreamBehaviour(isListening: false)
        case .overloaded: UpstreamBehaviour(work: .milliseconds(100), jitter: 0.2)
        }
    }

    /// Depends on the request's number and the seed alone, not on the order of arrival: this request in this phase
    /// meets the same fate, with or without protection.
    func fate(ofRequest number: UInt64, seed: UInt64) -> Fate {
        // The increment keeps neighbouring numbers apart in the generator's sequence.
        var generator = SplitMix64(seed: seed &+ number &* 0xD1B5_4A32_D192_ED03)
        let choice = Double.random(in: 0..<1, using: &generator)
        let variation = 1 + jitter * Double.random(in: -1...1, using: &generator)
        let answer: Answer =
            switch choice {
            case ..<shareUnavailable: .unavailable
            case ..<(shareUnavailable + shareReset): .reset
            default: .ok
            }
        return Fate(work: work * variation, answer: answer)
    }
}
