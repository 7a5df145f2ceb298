import ResilienceCore
import TestSupport
import Testing

@testable import RateLimiters

/// Those who wait for permits, in the order in which they came.
@Suite("A limiter's queue") struct LimiterQueueTests {
    @Test("is the list of calls that came and have not gone, in whatever order they go")
    func list() throws {
        try forSeeds(0..<200) { _, random in
            var (queue, list, gone) = (TicketQueue(), [Ticket](), [Ticket]())
            for _ in 0..<80 {
                switch Int.random(in: 0..<7, using: &random) {
                case 0...3:
                    let ticket = Ticket(number: queue.nextNumber, permits: 1, asked: 0, latest: 0, due: 0)
                    queue.append(ticket)
                    list.append(ticket)
                case 4:
                    queue.removeFirst()
                    if !list.isEmpty { gone.append(list.removeFirst()) }
                case 5:
                    guard let index = list.indices.randomElement(using: &random) else { continue }
                    gone.append(list.remove(at: index))
                    queue.remove(gone[gone.count - 1])
                default:
                    // Once more: nothing is left to remove.
                    if let ticket = gone.randomElement(using: &random) { queue.remove(ticket) }
                }
                let isAlike =
                    queue.tickets.map(\.number) == list.map(\.number) && queue.count == list.count
                    && queue.isEmpty == list.isEmpty && queue.first === list.first && queue.last === list.last
                guard isAlike else {
                    throw Difference("\(queue.tickets.map(\.number)), not \(list.map(\.number))")
                }
            }
        }
    }

    @Test("a call that asked at a moment that has not come is counted as asking now, with as long a wait")
    func rewind() {
        for (asked, latest, now) in [(100, 150, 20), (100, 100, 99), (1 << 60, .max, 5), (7, 9, -50)]
            as [(Int64, Int64, Int64)]
        {
            let ticket = Ticket(number: 0, permits: 1, asked: asked, latest: latest, due: latest)
            for moment in [asked, asked + 1] {
                ticket.rewind(to: moment)
                #expect(ticket.asked == asked && ticket.latest == latest)
            }
            ticket.rewind(to: now)
            #expect(ticket.asked == now && ticket.latest == (latest == .max ? .max : latest - (asked - now)))
        }
    }
}
