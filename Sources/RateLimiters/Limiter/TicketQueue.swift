internal import ResilienceCore

/// A place in the queue of a limiter. What changes is read and changed under the limiter's lock, but for the one reader
/// that needs none: the call that waited, after it was resumed because the ticket was granted or refused for good.
@usableFromInline
final class Ticket: @unchecked Sendable {
    enum Phase: Sendable {
        /// In the queue, promised for ``Ticket/due``.
        case queued
        /// The permits are taken: what to know to give them back, and the rule by which they were taken.
        case granted(RateLimiterState.Grant)
        /// Refused after all, because the rule was changed; `nil` if there will never be so many permits.
        case refused(retryAfter: Int64?)
        /// Given up.
        case cancelled
    }

    let number: UInt64
    let permits: Int
    private(set) var asked: Int64
    /// The last moment for which the permits are of use.
    private(set) var latest: Int64
    var due: Int64
    var phase = Phase.queued
    /// Where a task waits, if one does.
    var waiter: Waiter<Void>?

    init(number: UInt64, permits: Int, asked: Int64, latest: Int64, due: Int64) {
        self.number = number
        self.permits = permits
        self.asked = asked
        self.latest = latest
        self.due = due
    }

    /// How long the request has waited for its permits, or will have.
    var waited: Int64 { due.subtractingSaturated(asked) }

    /// The error of a ticket that was refused after all.
    func rejection(by name: String, burst: Int) -> (any PolicyRejection)? {
        guard case .refused(let retryAfter) = phase else { return nil }
        return RateLimiter.rejection(by: name, permits, after: retryAfter, burst: burst)
    }

    /// Tells the task that waits, if one does; outside the lock.
    func finish(by name: String, burst: Int) {
        if let error = rejection(by: name, burst: burst) {
            waiter?.finish(with: .failure(error))
        } else {
            waiter?.finish()
        }
    }

    /// Counts a request that was made at a moment which has not come yet as made now.
    func rewind(to now: Int64) {
        guard asked > now else { return }
        if latest < .max { latest = latest.subtractingSaturated(asked.subtractingSaturated(now)) }
        asked = now
    }
}

/// Tickets in the order in which they came. One in the middle is removed without moving the others; the places that are
/// left are reclaimed when they are half of all.
struct TicketQueue {
    private struct Place {
        let number: UInt64
        var ticket: Ticket?
    }

    private var places: [Place] = []
    private var head = 0

    /// How many tickets there are.
    private(set) var count = 0

    /// The number of the next ticket.
    private(set) var nextNumber: UInt64 = 0

    var isEmpty: Bool { count == 0 }

    /// Never a place that was left: those are skipped when the ones before them go.
    var first: Ticket? { head < places.count ? places[head].ticket : nil }

    var last: Ticket? { places.last?.ticket }

    /// The tickets, first to last.
    var tickets: [Ticket] { places[head...].compactMap(\.ticket) }

    mutating func append(_ ticket: Ticket) {
        nextNumber &+= 1
        places.append(Place(number: ticket.number, ticket: ticket))
        count += 1
    }

    mutating func removeFirst() {
        guard !isEmpty else { return }
        places[head].ticket = nil
        count -= 1
        tidy()
    }

    mutating func remove(_ ticket: Ticket) {
        var low = head
        var high = places.count
        while low < high {
            let middle = low + (high - low) / 2
            if places[middle].number < ticket.number { low = middle + 1 } else { high = middle }
        }
        guard low < places.count, places[low].ticket === ticket else { return }
        places[low].ticket = nil
        count -= 1
        tidy()
    }

    private mutating func tidy() {
        while head < places.count, places[head].ticket == nil { head += 1 }
        while places.count > head, let last = places.last, last.ticket == nil { places.removeLast() }
        if places.count > 2 * count {
            places = places[head...].filter { $0.ticket != nil }
            head = 0
        }
    }
}
