import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

typealias Configuration = CircuitBreaker.Configuration
typealias Counts = CircuitBreaker.Counts
typealias Event = CircuitBreaker.Event
typealias OpenError = CircuitBreaker.OpenError
typealias Outcome = CircuitBreaker.Outcome
typealias Reason = CircuitBreaker.Reason
typealias Transition = CircuitBreaker.Transition

/// A breaker on a manual clock, with what it reports.
struct Stage: Sendable {
    let clock: ManualClock
    let recorder = EventRecorder()
    let breaker: CircuitBreaker

    init(
        _ configuration: Configuration, observed: Bool = true, clock: ManualClock = ManualClock(),
        random: RandomSource = .constant(0.5), restoring snapshot: CircuitBreaker.Snapshot? = nil
    ) throws {
        self.clock = clock
        breaker = try CircuitBreaker(
            "test", configuration, clock: clock, random: random, observers: observed ? [recorder] : [],
            restoring: snapshot)
    }

    /// Makes calls one after another: `S`uccess, `F`ailure, `X` for ignored, `C`ancelled.
    ///
    /// - Parameters:
    ///   - length: How long each call takes.
    ///   - pause: How much time passes after each.
    func play(_ script: String, taking length: Duration = .zero, pause: Duration = .zero) throws {
        for letter in script {
            let permit = try breaker.tryAcquirePermit()
            clock.advance(by: length)
            permit.complete(as: outcome(letter))
            clock.advance(by: pause)
        }
    }

    /// Starts a call that runs until it is told to end.
    func start() throws -> RunningCall {
        RunningCall(try breaker.tryAcquirePermit())
    }

    /// Whether a call is let through; it is dropped at once.
    func admits() -> Bool {
        (try? start()) != nil
    }

    func expectRejection(
        _ state: CircuitBreaker.State = .open, retryAfter: Duration?, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let expected = OpenError(policyName: "test", state: state, retryAfter: retryAfter)
        #expect(throws: expected, sourceLocation: sourceLocation) { _ = try breaker.tryAcquirePermit() }
    }

    var state: CircuitBreaker.State { breaker.state }
    var events: [Event] { recorder.events(of: Event.self) }

    var transitions: [Transition] {
        events.compactMap { if case .transition(let transition) = $0.kind { transition } else { nil } }
    }

    /// The states gone through, from the first change on.
    var path: [CircuitBreaker.State] { transitions.map(\.to) }

    var rejections: Int { events.count { if case .rejected = $0.kind { true } else { false } } }
}

func outcome(_ letter: Character) -> Outcome {
    switch letter {
    case "S": .success
    case "F": .failure
    case "X": .ignored
    default: .cancelled
    }
}

/// A call that has been let through; dropped without an outcome, it counts as cancelled.
final class RunningCall {
    private var permit: CircuitBreaker.Permit?

    init(_ permit: consuming CircuitBreaker.Permit) {
        self.permit = consume permit
    }

    func end(_ letter: Character) { end(as: outcome(letter)) }

    func end(as outcome: Outcome) {
        if let permit = permit.take() { permit.complete(as: outcome) }
    }

    /// Whether the result came in time; `nil` if the call had ended already.
    func ends(_ letter: Character) -> Bool? {
        guard let permit = permit.take() else { return nil }
        return permit.complete(as: outcome(letter))
    }

    func fail(_ error: any Error) {
        if let permit = permit.take() { permit.fail(error) }
    }
}

extension Counts {
    /// Requests, successes, failures, ignored, successes and failures in a row: the notation of the scenarios.
    var row: [Int] { [requests, successes, failures, ignored, consecutiveSuccesses, consecutiveFailures] }
}

extension Configuration {
    /// Six failures in a row, a break of 60 seconds, one probe: what rows GB-01 to GB-08 assume.
    static let sixInARow = Configuration(
        trip: .consecutiveFailures(6), breakLength: .fixed(.seconds(60)), halfOpen: .init(probes: 1))

    /// The base configuration of the rows R4.
    static let halfOfFive = Configuration(
        trip: .any(.failureRate(0.5, minimumCalls: 5), .slowCallRate(0.5, minimumCalls: 5)),
        window: .time(.seconds(20), buckets: 20), slowCallDuration: .seconds(4), breakLength: .fixed(.seconds(5)),
        halfOpen: .init(
            probes: 4, verdict: .failureRate(below: 0.5, slowCallRate: 0.5), maxWait: .seconds(1)))

    /// Opens at the first failure, for 10 seconds.
    static func fragile(
        probes: Int = 1, verdict: CircuitBreaker.Verdict = .all, maxWait: Duration? = nil,
        afterMaxWait: CircuitBreaker.State = .open
    ) -> Configuration {
        Configuration(
            trip: .consecutiveFailures(1), breakLength: .fixed(.seconds(10)),
            halfOpen: .init(probes: probes, verdict: verdict, maxWait: maxWait, afterMaxWait: afterMaxWait))
    }
}
