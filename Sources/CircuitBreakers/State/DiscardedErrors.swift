/// Errors that are let go of under a lock, to be released outside of it. One takes no allocation.
struct DiscardedErrors: Sendable {
    private var first: (any Error)?
    private var more: [any Error] = []

    var isEmpty: Bool { first == nil }

    mutating func append(_ error: any Error) {
        if first == nil { first = error } else { more.append(error) }
    }
}
