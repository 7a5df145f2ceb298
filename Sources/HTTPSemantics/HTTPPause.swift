public import ResilienceCore
internal import Synchronization

/// A layer that holds back all calls to a service that has asked one of them to wait: a 429 or 503 with a
/// `Retry-After`, or any other ``ResilienceCore/OverloadError`` that says when to try again.
///
/// A call that comes meanwhile waits until then, and a little longer, so that those who wait come back spread and not
/// at one instant. One whose deadline comes before that is refused at once. Inside of a retry and outside of a breaker,
/// as in ``HTTPPipeline``.
public final class HTTPPause: Strategy {
    /// How long, and who may wait.
    public struct Configuration: Sendable, Hashable {
        /// The longest pause, whatever the server asks for. At least 1 ns. Default: 60 seconds.
        public var maxPause: Duration

        /// Over how much more than the pause those who wait come back, as a share of it: 0 to 1. Default: 0.5.
        public var spread: Double

        /// How many calls may wait at once, zero or more; others are refused. Default: 1000.
        public var maxWaiting: Int

        /// Creates a configuration; every part has a default.
        public init(maxPause: Duration = .seconds(60), spread: Double = 0.5, maxWaiting: Int = 1000) {
            self.maxPause = maxPause
            self.spread = spread
            self.maxWaiting = maxWaiting
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("pause")
            check.require(positive: "maxPause", maxPause)
            check.require("spread", spread, in: 0...1)
            check.require("maxWaiting", maxWaiting, atLeast: 0)
            try check.finish()
        }
    }

    /// The rejection of a call that cannot wait for the end of a pause.
    public struct PausedError: PolicyRejection, Hashable {
        /// The name of the pause.
        public let policyName: String

        /// The time until the pause is over.
        public let retryAfter: Duration?

        /// Why, in a few words.
        public var reason: String { "the service has asked to wait" }

        /// `calls of "api" are paused; retry after 2 seconds`
        public var description: String {
            "calls of \"\(policyName)\" are paused" + (retryAfter.map { "; retry after \($0.sentenceForm)" } ?? "")
        }
    }

    /// The name in errors and metrics.
    public let name: String

    /// How long, and who may wait.
    public let configuration: Configuration

    /// What it is called by what shares it; empty if it is not to be shared.
    let sharedName: String

    private let time: TimeSource
    private let random: RandomSource

    /// When the pause is over; the lowest number if there never was one. Relaxed: a call that asks while a pause is
    /// set may be told either.
    private let end = Atomic(Int64.min)
    private let length = Atomic(Int64(0))
    private let running = Atomic(0)
    private let pauses = Atomic(0)
    private let waited = Atomic(0)
    private let refused = Atomic(0)
    private let announcement = Lock<(@Sendable (String, Duration) -> Void)?>(nil)

    init(_ environment: PolicyEnvironment, _ configuration: Configuration) {
        name = environment.name
        sharedName = environment.sharedName ?? environment.name
        time = environment.time
        random = environment.random
        self.configuration = configuration
    }

    /// A pause as a layer of a policy, with the policy's name, clock and randomness.
    ///
    /// - Parameters:
    ///   - configuration: How long, and who may wait.
    ///   - pauses: What shares it with the other nodes of a fleet, by the policy's name. Default: `nil`, nothing.
    public static func layer(
        _ configuration: Configuration = Configuration(), sharing pauses: SharedPauses? = nil
    ) -> Layer<HTTPPause> {
        Layer { environment throws(ConfigurationError) in
            try configuration.validate()
            let pause = HTTPPause(environment, configuration)
            pauses?.share(pause)
            return pause
        }
    }

    /// The context of a call that goes through this alone.
    public var rootContext: Context { Context(name: name, time: time) }

    /// This as one layer: `Pause`.
    public var layers: [LayerDescription] { [LayerDescription(pattern: "Pause", strategy: self)] }

    /// How long the pause still lasts; `nil` if there is none.
    public var remaining: Duration? {
        let end = end.load(ordering: .relaxed)
        guard end != .min else { return nil }
        let left = end.subtractingSaturated(time.now.nanoseconds)
        return left > 0 ? .nanoseconds(left) : nil
    }

    /// How many calls wait.
    public var waiting: Int { running.load(ordering: .relaxed) }

    /// Pauses all calls that come from now on.
    ///
    /// - Parameter delay: For how long, at most as long as is allowed. A pause that lasts longer already stays.
    public func pause(for delay: Duration) {
        guard extend(for: delay), let announce = announcement.withLock({ $0 }) else { return }
        announce(sharedName, min(delay, configuration.maxPause))
    }

    /// Pauses as another node has been asked to. What ends a little later than what is known is the same, heard late.
    func hear(of delay: Duration) { _ = extend(for: delay, byAtLeast: .milliseconds(100)) }

    /// Sees to it that each pause that this node is asked for is told, on any thread.
    func announce(_ announce: @escaping @Sendable (_ name: String, _ delay: Duration) -> Void) {
        announcement.withLock { $0 = announce }
    }

    /// - Returns: Whether the pause lasts longer now than before.
    private func extend(for delay: Duration, byAtLeast least: Duration = .zero) -> Bool {
        let bounded = min(delay, configuration.maxPause).saturatedNanoseconds
        guard bounded > 0 else { return false }
        let now = time.now.nanoseconds
        let new = now.addingSaturated(bounded)
        var known = end.load(ordering: .relaxed)
        while known < new, known <= now || new.subtractingSaturated(known) >= least.saturatedNanoseconds {
            let (isExchanged, original) = end.weakCompareExchange(
                expected: known, desired: new, ordering: .relaxed)
            if isExchanged {
                length.store(bounded, ordering: .relaxed)
                pauses.wrappingAdd(1, ordering: .relaxed)
                return true
            }
            known = original
        }
        return false
    }

    /// Runs the rest of a call, once there is no pause.
    ///
    /// - Throws: ``PausedError`` if the call cannot wait for that; `CancellationError` if the caller cancelled
    ///   meanwhile; otherwise what the rest throws.
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        if let remaining { try await wait(remaining, context) }
        do {
            try await next(context)
        } catch {
            note(error, context)
            throw error
        }
    }

    private nonisolated(nonsending) func wait(_ remaining: Duration, _ context: Context) async throws {
        guard running.wrappingAdd(1, ordering: .relaxed).oldValue < configuration.maxWaiting else {
            running.wrappingSubtract(1, ordering: .relaxed)
            throw refuse(remaining)
        }
        defer { running.wrappingSubtract(1, ordering: .relaxed) }
        var left: Duration? = remaining
        while let remaining = left {
            let now = time.now
            let earliest = now.advanced(by: remaining)
            let extra = Duration.nanoseconds(length.load(ordering: .relaxed))
                .multipliedSaturated(by: configuration.spread * random.next())
            var instant = earliest.advanced(by: extra)
            if let deadline = context.deadline(on: time, now: now) {
                guard earliest < deadline else { throw refuse(remaining) }
                instant = min(instant, deadline.advanced(by: .nanoseconds(-1)))
            }
            try await time.sleep(until: max(instant, earliest))
            // Another call may have been asked to wait meanwhile.
            left = self.remaining
        }
        waited.wrappingAdd(1, ordering: .relaxed)
    }

    private func refuse(_ remaining: Duration) -> PausedError {
        refused.wrappingAdd(1, ordering: .relaxed)
        return PausedError(policyName: name, retryAfter: remaining)
    }

    private func note(_ error: any Error, _ context: Context) {
        let cause = unwrapped(error)
        guard (cause as? any OverloadError)?.isOverload == true, !(cause is any PolicyRejection),
            let delay = (cause as? any RetryAfterProviding)?.retryAfter
        else { return }
        pause(for: delay)
    }

    // MARK: The synchronous way

    /// Lets a call in if there is no pause; otherwise it has to wait.
    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        remaining == nil ? 1 : 0
    }

    /// Looks whether the service asks to wait.
    @_documentation(visibility: internal)
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        if entered == 1 { note(error, context) }
        return .left
    }

    // MARK: Metrics

    /// Adds the totals.
    public func collect(into metrics: inout MetricCollection) {
        metrics.add(Families.pauses, [name], pauses.load(ordering: .relaxed))
        metrics.add(Families.calls, [name, "waited"], waited.load(ordering: .relaxed))
        metrics.add(Families.calls, [name, "refused"], refused.load(ordering: .relaxed))
        metrics.add(Families.waiting, [name], running.load(ordering: .relaxed))
    }

    enum Families {
        static let pauses = MetricFamily(
            "resilience.http.pauses", .counter, labels: ["name"],
            help: "Pauses of all calls for which a service has asked one of them.")
        static let calls = MetricFamily(
            "resilience.http.paused_calls", .counter, labels: ["name", "kind"],
            help: "Calls that came during a pause, and waited for its end or were refused.")
        static let waiting = MetricFamily(
            "resilience.http.paused_waiting", .gauge, labels: ["name"],
            help: "Calls that wait for the end of a pause.")
    }
}

extension HTTPPause: StateRetaining {
    /// A pause that is in force, and those who wait for its end.
    package func retainedState(at now: TimeSource.Instant) -> RetainedState {
        end.load(ordering: .relaxed) > now.nanoseconds || waiting > 0 ? .obligation : .nothing
    }
}
