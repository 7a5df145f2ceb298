internal import ResilienceCore

/// A clock that shows what a test says, also moments that have not come, or are over.
package final class SkewedClock: Clock {
    package struct Instant: InstantProtocol {
        var offset: Duration = .zero
        package func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        package func duration(to other: Instant) -> Duration { other.offset - offset }
        package static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.offset < rhs.offset }
    }

    private let reading = Lock(Instant())

    package init() {}

    package var now: Instant { reading.withLock { $0 } }
    package var minimumResolution: Duration { .nanoseconds(1) }
    package func sleep(until deadline: Instant, tolerance: Duration?) async throws { throw CancellationError() }

    package func show(_ offset: Duration) { reading.withLock { $0.offset = offset } }
}
