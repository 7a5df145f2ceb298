/// What an event says, taken apart for structured logs: values by constant keys, and the error.
///
/// Keys end in `_seconds` where the value is a duration. Keys of callers, such as users or tenants, are left out.
package struct EventDetails: Sendable {
    /// A value of a detail.
    package enum Value: Sendable, Hashable {
        case text(String)
        case integer(Int)
        case number(Double)
        case flag(Bool)
    }

    /// The values by their keys, in the order in which they are worth reading.
    package private(set) var values: [(key: String, value: Value)] = []
    /// The error the event is about.
    package private(set) var error: (any Error)?

    package init() {}

    /// Takes an event apart. Of an event that is not one of this package's there is its description.
    package init(_ event: some PolicyEvent) {
        if let event = event as? any EventContent {
            event.add(to: &self)
        } else {
            add("description", event.description)
        }
    }

    // MARK: Values

    package mutating func add(_ key: String, _ text: String) { values.append((key, .text(text))) }

    package mutating func add(_ key: String, _ number: Int) { values.append((key, .integer(number))) }

    package mutating func add(_ key: String, _ flag: Bool) { values.append((key, .flag(flag))) }

    /// A number; nothing if there is none.
    package mutating func add(_ key: String, _ number: Double?) {
        if let number { values.append((key, .number(number))) }
    }

    /// A duration in seconds; nothing if there is none.
    package mutating func add(seconds key: String, _ duration: Duration?) {
        if let duration { values.append(("\(key)_seconds", .number(duration.inSeconds))) }
    }

    package mutating func add(_ error: any Error) { self.error = error }

    package mutating func add(_ rejection: any PolicyRejection) {
        add("reason", rejection.reason)
        add(seconds: "retry_after", rejection.retryAfter)
        error = rejection
    }
}

extension Duration {
    /// As a number of seconds.
    package var inSeconds: Double { self / .seconds(1) }
}
