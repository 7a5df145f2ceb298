public import ResilienceCore

/// Runs a call a second time while the first is still on its way, and takes whichever succeeds first.
///
/// Against the slow tail of a service whose calls are usually fast: an attempt that hits a slow replica is overtaken by
/// another one. Only for operations that do no harm when they run twice, or in part.
///
/// ```swift
/// let hedge = try Hedge("search", .init(delay: .fixed(.milliseconds(50))))
/// let hits = try await hedge.execute { try await index.search(query) }
/// ```
///
/// The attempts run beside each other, each in a child task, so that the operation must be `@Sendable` and its value
/// `Sendable`. When one has succeeded the others are cancelled, and waited for: nothing runs on when the call returns.
///
/// A hedge is not a layer of a policy, because layers keep the operation on the caller's actor. It goes around one,
/// with ``ResilienceCore/Policy/hedged(_:random:observers:)``, and each attempt through the policy.
public final class Hedge: HedgeCalling {
    /// The name in errors and events.
    public let name: String

    let time: TimeSource
    let random: RandomSource
    let events: EventChannel<EventKind>
    let counters = Counters()
    let latencies: Lock<LatencyWindow>
    let settings: Lock<Configuration>
    private let taskNames: [String]

    /// Nothing: the operation runs alone.
    public let inner: NoStrategy

    /// Creates a hedge for calls that go through no policy.
    ///
    /// - Parameters:
    ///   - name: What the hedge is called in events. Default: `hedge`.
    ///   - configuration: When and how often calls are hedged.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - random: The randomness of jitter. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String = "hedge", _ configuration: Configuration = Configuration(),
        clock: some Clock<Duration> = ContinuousClock(), random: RandomSource = .system,
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(
            PolicyEnvironment(name: name, time: TimeSource(clock), random: random, observers: observers),
            configuration)
    }

    /// The configuration has been validated.
    init(_ environment: PolicyEnvironment, _ configuration: Configuration) {
        name = environment.name
        time = environment.time
        random = environment.random
        events = EventChannel(environment.name, environment.observers)
        latencies = Lock(LatencyWindow(capacity: configuration.delay.percentile?.window ?? 1))
        settings = Lock(configuration)
        inner = NoStrategy(rootContext: Context(name: environment.name, time: environment.time))
        taskNames = (1...11).map { $0 == 1 ? "primary \(environment.name)" : "hedge \($0 - 1) \(environment.name)" }
    }

    /// The hedge itself.
    public var hedge: Hedge { self }

    func taskName(_ attempt: Int) -> String { taskNames[min(attempt, taskNames.count) - 1] }

}
