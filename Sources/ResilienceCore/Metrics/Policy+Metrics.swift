internal import Synchronization

extension Policy {
    /// Adds what the layers measure; calls and durations of the policy itself are measured by ``CallMetrics``.
    public func collect(into metrics: inout MetricCollection) {
        metrics.collect(strategy)
    }

    static let meterLayout = MeterPoint.Layout(
        calls: MetricFamily(
            "resilience.pipeline.calls", .counter, labels: ["pipeline", "outcome"],
            help: "Calls of a policy that have ended, by outcome."),
        durations: MetricFamily(
            "resilience.pipeline.duration", .histogram, labels: ["pipeline", "outcome"],
            help: "How long calls of a policy took that succeeded or failed."),
        kinds: ["succeeded", "failed", "cancelled", "rejected"], timedKinds: 2)
}

/// How a call of a policy ended; the raw value is the position in the layout of its meter.
enum CallOutcome: Int {
    case succeeded
    case failed
    case cancelled
    case rejected

    /// A rejection is one also if the caller has given up meanwhile: the call was not made. What is cancelled at its
    /// deadline has failed, as for a breaker.
    init(_ error: any Error, _ context: Context) {
        switch ErrorKind(error) {
        case .rejection: self = .rejected
        case .other where !Task.isCancelled: self = .failed
        case .other, .cancellation: self = context.isPastDeadline ? .failed : .cancelled
        }
    }
}

/// What an error's type says.
private enum ErrorKind: UInt {
    case rejection = 1
    case cancellation = 2
    case other = 3

    init(_ error: any Error) {
        #if canImport(ObjectiveC)
            // The type of a bridged error does not say what it can be cast to.
            self.init(asking: error)
        #else
            self = ErrorKinds.shared.kind(of: error)
        #endif
    }

    init(asking error: any Error) {
        if error is any PolicyRejection {
            self = .rejection
        } else {
            self = error is CancellationError ? .cancellation : .other
        }
    }
}

/// Remembers the answers for a few types: asking an error whether it conforms to a protocol takes longer than rejecting a
/// call.
private final class ErrorKinds: @unchecked Sendable {  // The pointer never changes, and points to atomics.
    static let shared = ErrorKinds()

    private static let count = 16

    /// Each the address of a type's metadata, whose three low bits are zero, and the answer in these.
    private let slots = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: count)

    private init() {
        for index in 0..<Self.count { (slots + index).initialize(to: Atomic(0)) }
    }

    func kind(of error: any Error) -> ErrorKind {
        let address = UInt(bitPattern: ObjectIdentifier(type(of: error)))
        let slot = Int((address >> 4 ^ address >> 8) % UInt(Self.count))
        let known = slots[slot].load(ordering: .relaxed)
        if known & ~7 == address, let kind = ErrorKind(rawValue: known & 7) { return kind }
        let kind = ErrorKind(asking: error)
        if address & 7 == 0 { slots[slot].store(address | kind.rawValue, ordering: .relaxed) }
        return kind
    }
}
