import ResilienceCore
import ResilienceTesting

/// An event that is told from others by its number.
struct Numbered: DetailedEvent, Equatable {
    let number: Int
    var source: String { "test" }
    var name: String { "test.numbered" }
    var severity: EventSeverity { .debug }
    var description: String { "\(number)" }
    var eventKind: EventKind { .call }
    func add(to details: inout EventDetails) { details.add("number", number) }
}

extension EventRecorder {
    /// The numbers noted so far, in order.
    var numbers: [Int] { events(of: Numbered.self).map(\.number) }

    func note(_ number: Int) { observe(Numbered(number: number)) }
}
