import ResilienceTesting
import TestSupport
import Testing

@testable import ResilienceCore

@Suite("A queue by deadline")
struct DeadlineQueueTests {
    /// What waits, as a list.
    private struct Waiting {
        let id: DeadlineQueue<Int, Int>.ID
        let element: Int
        let deadline: Int
    }

    @Test("agrees with a sorted list, whatever is inserted and removed, however many wait", arguments: [1, 5, 60, 400])
    func model(size: Int) {
        forSeeds(1...8) { seed, random in
            var (queue, list, gone) = (DeadlineQueue<Int, Int>(), [Waiting](), [Waiting]())
            var (ids, most) = (Set<DeadlineQueue<Int, Int>.ID>(), 0)
            let range = 0...[3, 1_000_000][Int.random(in: 0...1, using: &random)]
            for element in 0..<(4 * size) {
                if list.count < size || Bool.random(using: &random) {
                    let deadline = Int.random(in: range, using: &random)
                    let id = queue.insert(element, at: deadline)
                    #expect(ids.insert(id).inserted, "seed \(seed)")
                    list.append(Waiting(id: id, element: element, deadline: deadline))
                    most = max(most, list.count)
                } else {
                    // From anywhere in the queue.
                    let removed = list.remove(at: Int.random(in: 0..<list.count, using: &random))
                    #expect(queue.remove(removed.id) == removed.element, "seed \(seed)")
                    gone.append(removed)
                }
                if let old = gone.randomElement(using: &random) { #expect(queue.remove(old.id) == nil, "seed \(seed)") }
                #expect(queue.count == list.count, "seed \(seed)")
                if element % 16 == 0 { #expect(queue.firstDeadline == list.map(\.deadline).min(), "seed \(seed)") }
            }
            #expect(queue.slots.count == most, "seed \(seed)")
            list.sort { ($0.deadline, $0.element) < ($1.deadline, $1.element) }
            for next in list {
                #expect(queue.popFirst(dueAt: next.deadline - 1) == nil, "seed \(seed)")
                #expect(queue.popFirst(dueAt: next.deadline) == next.element, "seed \(seed)")
            }
            #expect(queue.count == 0 && queue.firstDeadline == nil && queue.popFirst(dueAt: .max) == nil)
        }
    }

    @Test("is in order where long timeouts and short ones wait in branches of their own")
    func branches() {
        forSeeds(1...20) { seed, random in
            var (queue, list) = (DeadlineQueue<Int, Int>(), [Waiting]())
            for element in 0..<340 {
                // Each after the one above it in a heap of four below each, so that all stay where they are put.
                let above = element == 0 ? 0 : list[(element - 1) / 4].deadline
                let deadline = above + Int.random(in: 0..<(element < 5 ? 1_000 : 20), using: &random)
                list.append(Waiting(id: queue.insert(element, at: deadline), element: element, deadline: deadline))
            }
            list.shuffle(using: &random)
            for removed in list.prefix(100) { #expect(queue.remove(removed.id) == removed.element, "seed \(seed)") }
            let rest = list.dropFirst(100).sorted { ($0.deadline, $0.element) < ($1.deadline, $1.element) }
            #expect(rest.map { _ in queue.popFirst(dueAt: .max) } == rest.map(\.element), "seed \(seed)")
        }
    }

    @Test("takes as much memory as the most that waited at once, and lets go of what is removed")
    func places() {
        final class Object {}
        var queue = DeadlineQueue<Int, Object>()
        weak var last: Object?
        for number in 0..<1_000 {
            let object = Object()
            last = object
            let id = queue.insert(object, at: number % 7)
            if number >= 10 { #expect(queue.popFirst(dueAt: .max) != nil) }
            if number % 3 == 0, queue.remove(id) != nil { _ = queue.insert(Object(), at: 0) }
        }
        #expect(queue.slots.count <= 11 && queue.positions.count == queue.slots.count)
        while queue.popFirst(dueAt: .max) != nil {}
        #expect(last == nil && queue.free.count == queue.slots.count)
    }
}
