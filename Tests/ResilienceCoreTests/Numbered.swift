import ResilienceCore
import ResilienceTesting

/// What is told from others by its number.
struct Numbered: PolicyEventKind, EventContent, Equatable {
    let number: Int
    var label: (name: String, severity: EventSeverity) { ("test.numbered", .debug) }
    var subject: EventSubject { .call }
    func description(of source: String) -> String { "\(number)" }
    func add(to details: inout EventDetails) { details.add("number", number) }
}

extension EventRecorder {
    /// The numbers noted so far, in order.
    var numbers: [Int] { events(of: SourcedEvent<Numbered>.self).map(\.kind.number) }

    func note(_ number: Int) { observe(SourcedEvent(source: "test", Numbered(number: number))) }
}
