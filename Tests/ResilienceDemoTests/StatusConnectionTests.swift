import Foundation
import Testing

@testable import ResilienceDemo

/// Connections over a pair of sockets, at moments that the tests choose.
@Suite("Status connection")
struct StatusConnectionTests {
    private let start = ContinuousClock.now
    private let routes: StatusRoutes
    private let ours: Int32
    private let theirs: RawClient

    init() throws {
        routes = try StatusStage().routes
        var ends: [Int32] = [-1, -1]
        #if canImport(Glibc)
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        #else
            try #require(socketpair(AF_UNIX, SOCK_STREAM, 0, &ends) == 0)
        #endif
        try #require(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
        ours = ends[0]
        theirs = RawClient(descriptor: ends[1])
    }

    private func connection(_ limits: StatusServer.Limits = .init()) -> StatusConnection {
        StatusConnection(ours, limits: limits, now: start)
    }

    private func end() {
        closeDescriptor(ours)
        theirs.close()
    }

    @Test("A request has to be complete in its time, however its bytes drip in")
    func slowRequest() {
        defer { end() }
        var connection = connection()
        #expect(connection.deadline == start.advanced(by: .seconds(10)))
        theirs.send("GET / HTTP/1.1\r\n")
        let goesOn1 = connection.proceed(routes, now: start.advanced(by: .seconds(9)))
        #expect(goesOn1)
        #expect(connection.stage == .reading)
        #expect(connection.deadline == start.advanced(by: .seconds(10)))
        let goesOn2 = connection.expire(routes, now: start.advanced(by: .seconds(10)))
        #expect(goesOn2)
        #expect(connection.stage == .closing)
        #expect(theirs.receiveAll().hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
        // What still comes is dropped, until the time for that is over.
        let buffered = connection.bufferedCount
        theirs.send("Host: a\r\n\r\n")
        let goesOn3 = connection.proceed(routes, now: start.advanced(by: .seconds(10)))
        #expect(goesOn3)
        #expect(connection.bufferedCount == buffered)
        #expect(connection.stage == .closing)
        #expect(connection.deadline == start.advanced(by: .seconds(11)))
        let goesOn4 = connection.expire(routes, now: start.advanced(by: .seconds(11)))
        #expect(!goesOn4)
    }

    @Test("After an answer the time for the next request begins")
    func nextRequest() {
        defer { end() }
        var connection = connection()
        theirs.send("GET /health HTTP/1.1\r\n\r\n")
        let goesOn5 = connection.proceed(routes, now: start.advanced(by: .seconds(4)))
        #expect(goesOn5)
        #expect(connection.stage == .reading)
        #expect(connection.deadline == start.advanced(by: .seconds(14)))
        // Nothing was asked since: there is nobody to answer.
        let goesOn6 = connection.expire(routes, now: start.advanced(by: .seconds(14)))
        #expect(!goesOn6)
    }

    @Test("A client that asks and takes no answer is not read any more, and disconnected")
    func greedyClient() {
        defer { end() }
        var connection = connection()
        var count = 0
        while connection.stage == .reading, count < 10_000 {
            theirs.send("GET / HTTP/1.1\r\n\r\n")
            let goesOn7 = connection.proceed(routes, now: start.advanced(by: .seconds(1)))
            #expect(goesOn7)
            count += 1
        }
        #expect(connection.stage == .answering(closes: false))
        #expect(connection.events == Int16(POLLOUT))
        #expect(connection.deadline == start.advanced(by: .seconds(11)))
        let goesOn8 = connection.expire(routes, now: start.advanced(by: .seconds(11)))
        #expect(!goesOn8)
    }

    @Test("A client that takes its answers late gets all of them")
    func lateReader() throws {
        defer { end() }
        var connection = connection()
        var count = 0
        while connection.stage == .reading {
            theirs.send("GET / HTTP/1.1\r\n\r\n")
            _ = connection.proceed(routes, now: start)
            count += 1
        }
        theirs.send("GET /nowhere HTTP/1.1\r\nConnection: close\r\n\r\n")
        var text = ""
        while connection.stage != .closing {
            if case .text(let more) = theirs.receive() { text += more }
            let goesOn = connection.proceed(routes, now: start)
            try #require(goesOn)
        }
        text += theirs.receiveAll()
        #expect(text.components(separatedBy: "HTTP/1.1 200 OK").count == count + 1)
        #expect(text.hasSuffix("there is /, /status.json, /health and /metrics\n"))
    }

    @Test("A client that goes away ends the connection")
    func clientGone() {
        var connection = connection()
        theirs.close()
        let goesOn9 = connection.proceed(routes, now: start)
        #expect(!goesOn9)
        closeDescriptor(ours)
    }

    @Test("The thread sleeps until the first deadline, rounded up, and never for longer than it can say")
    func pollTimeout() {
        defer { end() }
        let deadlines = [2_000_001, 1_000_001, 9_000_000].map { start.advanced(by: .microseconds($0)) }
        #expect(StatusLoop.timeout(of: deadlines, now: start) == 1_001)
        #expect(StatusLoop.timeout(of: deadlines, now: start.advanced(by: .seconds(2))) == 0)
        #expect(StatusLoop.timeout(of: [], now: start) == -1)
        #expect(StatusLoop.timeout(of: [start.advanced(by: .seconds(1e15))], now: start) == 3_600_000)
    }
}
