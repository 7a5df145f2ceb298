// Makes the calls of one row, for a tool that counts what they cost:
//
//     CallCosts "breaker, count window" 10000
//     CallCosts --list
//
// Not an asynchronous main: valgrind does not survive the main thread's exit that comes with one.

import CallRows
import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

let arguments = CommandLine.arguments.dropFirst()

if arguments == ["--list"] {
    for row in Row.all where row.callers == 1 { print("\(row.kind.rawValue)\t\(row.name)") }
    exit(0)
}

guard arguments.count == 2, let name = arguments.first, let count = arguments.last.flatMap({ Int($0) }),
    let row = Row.all.first(where: { $0.name == name })
else {
    print("usage: CallCosts --list | CallCosts <row> <number of calls>")
    exit(2)
}

let isDone = DispatchSemaphore(value: 0)
Task.detached {
    do {
        let loop = try row.prepared()
        try await loop(count)
    } catch {
        print("\(name): \(error)")
        exit(1)
    }
    isDone.signal()
}
isDone.wait()
