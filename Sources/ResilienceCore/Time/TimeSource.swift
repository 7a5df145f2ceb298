/// Time as strategies see it: any clock, read as nanoseconds in one machine word.
///
/// Monotonic: a change of the wall clock does not affect it. Reading the continuous clock costs no more than
/// `ContinuousClock.now`; other clocks cost one indirect call more.
public struct TimeSource: Sendable, Equatable {
    /// A moment on one time source, to the nanosecond.
    public struct Instant: Sendable, Comparable, Hashable, BitwiseCopyable {
        /// Nanoseconds since the time source's origin.
        public let nanoseconds: Int64

        /// Creates a moment from nanoseconds since the time source's origin.
        @inlinable
        public init(nanoseconds: Int64) {
            self.nanoseconds = nanoseconds
        }

        /// The moment later by a duration, saturating at the limits of the type.
        @inlinable
        public func advanced(by duration: Duration) -> Instant {
            Instant(nanoseconds: nanoseconds.addingSaturated(duration.saturatedNanoseconds))
        }

        /// The time from this moment to another, negative if the other is earlier.
        @inlinable
        public func duration(to other: Instant) -> Duration {
            .nanoseconds(other.nanoseconds.subtractingSaturated(nanoseconds))
        }

        /// Whether one moment is before another.
        @inlinable
        public static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.nanoseconds < rhs.nanoseconds }
    }

    /// `nil` for the continuous clock, so that the usual case is one comparison and a direct call.
    @usableFromInline let custom: ClockBox?

    /// The system's continuous clock, with one origin for the whole process.
    public static let continuous = TimeSource(custom: nil)

    @usableFromInline
    init(custom: ClockBox?) {
        self.custom = custom
    }

    /// Wraps a clock.
    ///
    /// - Parameter clock: Any clock that measures in `Duration`.
    public init(_ clock: some Clock<Duration>) {
        self.init(custom: clock is ContinuousClock ? nil : TypedClockBox(clock))
    }

    /// The current moment.
    @inlinable public var now: Instant {
        if let custom { custom.now() } else { Self.continuousNow() }
    }

    /// Suspends until a moment has come.
    ///
    /// - Throws: `CancellationError` if the task is cancelled first.
    public nonisolated(nonsending) func sleep(until instant: Instant, tolerance: Duration? = nil) async throws {
        if let custom {
            try await custom.sleep(until: instant, tolerance: tolerance)
        } else {
            let target = Self.origin.advanced(by: .nanoseconds(instant.nanoseconds))
            try await ContinuousClock().sleep(until: target, tolerance: tolerance)
        }
    }

    /// Whether two time sources are the same: both continuous, or made from one wrapped clock.
    public static func == (lhs: TimeSource, rhs: TimeSource) -> Bool { lhs.custom === rhs.custom }

    private static let origin = ContinuousClock.now

    @usableFromInline
    static func continuousNow() -> Instant {
        Instant(nanoseconds: origin.duration(to: .now).saturatedNanoseconds)
    }

    /// Calls `action` at a moment, on an unspecified executor. The clock may be one that fires timers itself.
    package func schedule(at instant: Instant, _ action: @escaping @Sendable () -> Void) -> any ScheduledTimer {
        custom?.schedule(at: instant, action) ?? DeadlineScheduler.continuous.schedule(at: instant, action)
    }
}

@usableFromInline
class ClockBox: @unchecked Sendable {  // Immutable; the subclass holds a Sendable clock.
    @usableFromInline
    func now() -> TimeSource.Instant { TimeSource.Instant(nanoseconds: 0) }

    nonisolated(nonsending) func sleep(until instant: TimeSource.Instant, tolerance: Duration?) async throws {}

    func schedule(at instant: TimeSource.Instant, _ action: @escaping @Sendable () -> Void) -> any ScheduledTimer {
        DeadlineScheduler.continuous.schedule(at: instant, action)
    }
}

private final class TypedClockBox<C: Clock>: ClockBox, @unchecked Sendable where C.Duration == Duration {
    private let clock: C
    private let origin: C.Instant
    private let scheduler = Lock<DeadlineScheduler?>(nil)

    convenience init(_ clock: C) {
        self.init(clock, origin: clock.now)
    }

    private init(_ clock: C, origin: C.Instant) {
        self.clock = clock
        self.origin = origin
    }

    override func now() -> TimeSource.Instant {
        TimeSource.Instant(nanoseconds: origin.duration(to: clock.now).saturatedNanoseconds)
    }

    override nonisolated(nonsending) func sleep(
        until instant: TimeSource.Instant, tolerance: Duration?
    ) async throws {
        try await clock.sleep(until: origin.advanced(by: .nanoseconds(instant.nanoseconds)), tolerance: tolerance)
    }

    override func schedule(
        at instant: TimeSource.Instant, _ action: @escaping @Sendable () -> Void
    ) -> any ScheduledTimer {
        if let timers = clock as? any TimerClock { return schedule(on: timers, at: instant, action) }
        let scheduler = scheduler.withLock { scheduler in
            if let scheduler { return scheduler }
            // A box of its own, so that this one and the scheduler do not keep each other alive.
            let new = DeadlineScheduler(TimeSource(custom: TypedClockBox(clock, origin: origin)))
            scheduler = new
            return new
        }
        return scheduler.schedule(at: instant, action)
    }

    private func schedule<T: TimerClock>(
        on clock: T, at instant: TimeSource.Instant, _ action: @escaping @Sendable () -> Void
    ) -> any ScheduledTimer {
        // The same clock and so the same type. Not counted from the clock's `now`: it may move between two readings.
        guard let origin = origin as? T.Instant else { return super.schedule(at: instant, action) }
        return clock.schedule(at: origin.advanced(by: .nanoseconds(instant.nanoseconds)), action)
    }
}
