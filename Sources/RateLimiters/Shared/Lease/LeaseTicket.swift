internal import ResilienceCore

/// A place in the line for permits of a shared quota.
final class LeaseTicket: @unchecked Sendable {  // Written under the quota's lock, read once settled.
    enum Phase: Sendable {
        case queued
        /// Granted, from a batch that ends then; `nil` if without the store.
        case granted(LeaseState.Batch?)
        case refused(LeaseState.Refusal)
        case cancelled
    }

    let permits: Int
    let asked: Int64
    /// When it is too late.
    let latest: Int64
    let waiter = Waiter<Void>()
    var phase = Phase.queued
    var ended: Int64 = 0

    init(permits: Int, asked: Int64, latest: Int64) {
        (self.permits, self.asked, self.latest) = (permits, asked, latest)
    }

    var isQueued: Bool { if case .queued = phase { true } else { false } }
}
