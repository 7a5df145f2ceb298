public import ResilienceCore
internal import Synchronization

/// Limits how many calls run at once, so that one slow service does not take everything with it.
///
/// A call takes a slot and gives it back when it ends. If no slot is free it is rejected with ``RejectedError``, or
/// waits in a queue if the configuration has one.
///
/// ```swift
/// let bulkhead = try Bulkhead("payments", limit: 32)
/// let receipt = try await bulkhead.execute { try await gateway.charge(order) }
/// ```
///
/// Use one bulkhead for each service or resource, shared by all its callers. All members may be used from any task at
/// once.
public final class Bulkhead: Strategy {
    typealias State = BulkheadState<Waiter<QueuedAdmission>>

    /// What a call that waits is told when its turn comes.
    struct QueuedAdmission: Sendable {
        let admission: Admission
        let waited: Duration
    }

    /// The bulkhead's name in errors, events and metrics.
    public let name: String

    /// The context of a call that goes through this bulkhead alone.
    public let rootContext: Context

    let time: TimeSource
    let random: RandomSource
    let events: EventChannel<EventKind>
    let state: Lock<State>
    let adaptiveLimit: Lock<AdaptiveLimit?>
    let timer: WaitTimer
    let waits: MeterPoint

    /// The slots in use and the limit, in one word.
    ///
    /// Unguarded, anybody may take or return a slot by one compare-and-exchange; it fails if the word has changed in
    /// any way, so that no slot is taken beyond the limit in it. The holder of the lock of `state` first sets the
    /// guard. From then on every such exchange fails, for the word it expects has no guard, and turns to the lock: the
    /// holder has the word to itself, and stores it back as a whole. It leaves the guard set while a call waits,
    /// there are partitions, calls are marked, or an observer listens. So a slot that is returned either was returned
    /// before a caller that found none set the guard, which then sees it, or is returned under the lock, where those
    /// who wait are seen.
    let gate: Atomic<UInt64>

    /// Calls that have ended, and calls that were refused; counted without the lock.
    let finishedCalls = Atomic<Int>(0)
    let rejectedCalls = Atomic<Int>(0)

    /// Creates a bulkhead without a queue.
    ///
    /// - Parameters:
    ///   - name: What the bulkhead is called in errors, events and metrics.
    ///   - limit: How many calls may run at once, 0 to 1 000 000 000.
    ///   - clock: The time it measures. Default: the continuous clock.
    ///   - observers: The observers to notify.
    /// - Throws: `ConfigurationError` if the limit is not allowed.
    public convenience init(
        _ name: String, limit: Int, clock: some Clock<Duration> = ContinuousClock(),
        observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        try self.init(name, Configuration(limit: .fixed(limit)), clock: clock, observers: observers)
    }

    /// Creates a bulkhead.
    ///
    /// - Parameters:
    ///   - name: What the bulkhead is called in errors, events and metrics.
    ///   - configuration: How many calls may run at once, and what becomes of the others.
    ///   - clock: The time in which calls wait, and the round trips of an adaptive limit are measured. Default: the
    ///     continuous clock.
    ///   - random: The randomness of an adaptive limit. Default: the system's.
    ///   - observers: The observers to notify.
    /// - Throws: All faults of the configuration.
    public convenience init(
        _ name: String, _ configuration: Configuration = Configuration(),
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
        rootContext = Context(name: environment.name, time: environment.time)
        events = EventChannel(environment.name, environment.observers)
        let state = State(configuration)
        gate = Atomic(Self.gate(of: state, isObserved: events.isListening).word)
        self.state = Lock(state)
        adaptiveLimit = Lock(AdaptiveLimit(configuration.limit, random))
        timer = WaitTimer(environment.time)
        waits = MeterPoint(environment.name, Families.meterLayout, environment.observers)
    }

    // MARK: The path of a call

    /// Runs the rest of a call when there is a slot for it.
    ///
    /// - Throws: ``RejectedError`` if there is none; `CancellationError` if the caller cancelled while waiting;
    ///   otherwise what `next` threw.
    @inlinable
    public nonisolated(nonsending) func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        var admission = try admitAtOnce()
        if !admission.isGranted {
            admission = try await admit(context, nil)
            if marksCalls { return try await executeMarked(admission, context, next) }
        }
        do {
            try await next(context)
        } catch {
            failed(admission, error, context)
            throw error
        }
        succeeded(admission)
    }

    /// A slot that was taken: by whom, when, and how many were in use then.
    @usableFromInline
    struct Admission: Sendable, BitwiseCopyable {
        var start = TimeSource.Instant(nanoseconds: 0)
        var inFlight: Int32 = 0
        /// The partition, or what else there is to give back: the code of a ``BulkheadClaim``.
        var part: Int32 = 0
        @usableFromInline var isGranted = false
        var isTimed = false
        /// Whether observers have heard of it.
        var isAnnounced = false
        /// The period of marking calls in which the slot was taken; zero if they were not marked.
        var period: Int32 = 0

        static let none = Admission()
    }

    /// Takes a slot if that can be decided without the lock; rejects if it can be decided that there is none.
    @usableFromInline
    func admitAtOnce() throws(RejectedError) -> Admission {
        var gate = BulkheadGate(word: gate.load(ordering: .relaxed))
        while !gate.isGuarded {
            guard gate.inUse < gate.limit else {
                if gate.hasQueue { break }
                rejectedCalls.wrappingAdd(1, ordering: .relaxed)
                throw RejectedError(policyName: name, cause: .full, limit: gate.limit, waited: .zero)
            }
            let (isExchanged, original) = self.gate.weakCompareExchange(
                expected: gate.word, desired: gate.taken.word, ordering: .acquiringAndReleasing)
            if isExchanged {
                var admission = Admission(inFlight: Int32(truncatingIfNeeded: gate.inUse + 1), isGranted: true)
                if gate.isTimed {
                    admission.start = time.now
                    admission.isTimed = true
                }
                return admission
            }
            gate = BulkheadGate(word: original)
        }
        return .none
    }

    @usableFromInline
    func succeeded(_ admission: Admission) {
        giveBack(admission)
        if admission.isTimed { learn(from: admission, isDropped: false) }
    }

    @usableFromInline
    func failed(_ admission: Admission, _ error: any Error, _ context: Context?) {
        giveBack(admission)
        guard admission.isTimed, let handles = adaptiveLimit.withLock({ $0?.handles }) else { return }
        let isDropped =
            switch CallEnd(error, in: context) {
            case .expired: true
            // Late by the clock, though nobody has cancelled it: the client noticed first.
            case .failed: context?.isPastDeadline == true || handles.excludes(error)
            case .rejected: handles.excludes(error)
            case .cancelled: false
            }
        if isDropped { learn(from: admission, isDropped: true) }
    }
}
