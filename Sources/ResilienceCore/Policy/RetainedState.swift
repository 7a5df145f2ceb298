/// What would be lost if a strategy were dropped and a new one took its place.
package enum RetainedState: Int, Sendable, Comparable {
    /// Nothing: a new one is the same.
    case nothing
    /// What has been learnt and does not age by itself, such as failures of a window that counts calls.
    case knowledge
    /// What is promised or in force: calls that run or wait, permits that are used up, a break, probes, failures that a
    /// window of time still holds.
    case obligation

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// Something that knows something. Code that keeps strategies by key asks it before it drops one.
///
/// Asked under a lock: the answer calls no other code, posts no events and changes nothing.
package protocol StateRetaining: Sendable {
    /// What would be lost now.
    func retainedState(at now: TimeSource.Instant) -> RetainedState
}

/// A strategy that is a way into an object: a value, which cannot be recognised, around one that can.
package protocol ComponentLayer: Strategy {
    /// The object.
    var component: any Sendable { get }
}

extension LayerDescription {
    /// What the layer is or leads to.
    package var component: any Sendable { (strategy as? any ComponentLayer)?.component ?? strategy }

    /// What tells it from others; `nil` for a value.
    package var identity: ObjectIdentifier? {
        let component = component
        return type(of: component) is AnyClass ? ObjectIdentifier(component as AnyObject) : nil
    }
}
