import Foundation
import Resilience

/// Stands between a node and the Redis server, and makes the way between them as bad as it is told.
final class FaultyProxy: Sendable {
    struct Manner: Sendable, Equatable {
        /// How much later each answer comes.
        var delay = Duration.zero
        /// Whether nothing gets through.
        var isCut = false
    }

    let port: UInt16
    private let listener: Int32
    private let target: UInt16
    private let manner = Lock(Manner())
    private let connections = Lock<Set<Int32>>([])

    init(to target: UInt16) throws {
        listener = try Socket.bound(to: 0)
        port = try Socket.port(of: listener)
        self.target = target
        try Socket.startListening(listener)
        Thread.detachNewThread { [self] in acceptAll() }
    }

    func behave(_ manner: Manner) {
        self.manner.withLock { $0 = manner }
        // A connection that was cut does not come back to life.
        if manner.isCut { for descriptor in connections.withLock({ $0 }) { Socket.endBoth(descriptor) } }
    }

    func stop() {
        Socket.endBoth(listener)
        for descriptor in connections.withLock({ $0 }) { Socket.endBoth(descriptor) }
    }

    private func acceptAll() {
        while Socket.waitForInput(listener) {
            guard let client = Socket.acceptConnection(at: listener) else { continue }
            guard !manner.withLock({ $0.isCut }), let server = try? Socket.connected(to: target) else {
                closeDescriptor(client)
                continue
            }
            connections.withLock { $0.formUnion([client, server]) }
            let ends = EndsOfPair(first: client, second: server) { [self] in
                connections.withLock { $0.subtract([client, server]) }
            }
            Thread.detachNewThread { [self] in pass(from: client, to: server, isAnswer: false, ends) }
            Thread.detachNewThread { [self] in pass(from: server, to: client, isAnswer: true, ends) }
        }
        closeDescriptor(listener)
    }

    private func pass(from source: Int32, to sink: Int32, isAnswer: Bool, _ ends: EndsOfPair) {
        reading: while Socket.waitForInput(source) {
            switch Socket.read(from: source) {
            case .closed: break reading
            case .nothingYet: continue
            case .bytes(let bytes):
                let manner = manner.withLock { $0 }
                if manner.isCut { break reading }
                if isAnswer, manner.delay > .zero {
                    Thread.sleep(forTimeInterval: manner.delay / .seconds(1))
                }
                var rest = bytes[...]
                while !rest.isEmpty {
                    guard let count = Socket.write(rest, to: sink) else { break reading }
                    rest = rest.dropFirst(count)
                    if count == 0 { Thread.sleep(forTimeInterval: 0.001) }
                }
            }
        }
        ends.endOne()
    }
}

/// Closes two descriptors once both of those that use them are done.
private final class EndsOfPair: Sendable {
    private let running = Lock(2)
    private let descriptors: [Int32]
    private let onEnd: @Sendable () -> Void

    init(first: Int32, second: Int32, onEnd: @escaping @Sendable () -> Void) {
        descriptors = [first, second]
        self.onEnd = onEnd
    }

    func endOne() {
        for descriptor in descriptors { Socket.endBoth(descriptor) }
        let isLast = running.withLock { running in
            running -= 1
            return running == 0
        }
        guard isLast else { return }
        onEnd()
        for descriptor in descriptors { closeDescriptor(descriptor) }
    }
}
