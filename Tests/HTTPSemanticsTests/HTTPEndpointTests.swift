import ResilienceCore
import Testing

@testable import HTTPSemantics

@Suite("Endpoints")
struct HTTPEndpointTests {
    @Test(
        "An endpoint is a scheme and a host, in lower case, with the port if it is not the scheme's",
        arguments: [
            ("https://eu.example.com", "https", "eu.example.com"), ("HTTPS://EU.Example.COM:8443", "https", nil),
            ("http://a", "http", "a"), ("http://a:80", "http", "a"), ("https://a:443", "https", "a"),
            ("http://a:443", "http", "a:443"), ("https://a:80", "https", "a:80"), ("http://a:0080", "http", "a"),
            ("http://a:1", "http", "a:1"), ("http://a:65535", "http", "a:65535"), ("http://10.0.0.1", "http", nil),
            ("http://a-z.b_9.zz:81", "http", "a-z.b_9.zz:81"), ("http://0", "http", "0"), ("http://_", "http", "_"),
            ("http://[::1]", "http", "[::1]"), ("http://[FE80::9f]:8080", "http", "[fe80::9f]:8080"),
            ("https://[::ffff:1.2.3.4]:443", "https", "[::ffff:1.2.3.4]"), ("http://[::]", "http", "[::]"),
            ("https://[::1]:80", "https", "[::1]:80"),
        ] as [(String, String, String?)])
    func accepted(_ row: (url: String, scheme: String, authority: String?)) throws {
        for slash in ["", "/"] {
            let endpoint = try HTTPEndpoint(row.url + slash)
            #expect(endpoint.scheme == row.scheme)
            #expect(endpoint.authority == row.authority ?? String(row.url.lowercased().dropFirst(row.scheme.count + 3)))
            #expect(endpoint.url == row.url)
            #expect("\(endpoint)" == row.url)
            #expect(endpoint.weight == 1)
        }
    }

    @Test(
        "Anything else is a configuration error",
        arguments: [
            "", "/", "http", "http:", "http:/a", "http//a", "http://", "https:///", "ftp://a", "xhttp://a", "a", "a:80",
            "//a", "http://a//", "http://a/b", "http://u@a", "http://a?x", "http://a#x", "http://a b", "http://a%20",
            "http:// a", " http://a", "http://a ", "http://a:", "http://a:0", "http://a:65536", "http://a:+80",
            "http://a:-1", "http://a:8 0", "http://a:http", "http://a:80:80", "http://:80", "http://::1",
            "http://.a", "http://a.", "http://a..b", "http://.", "http://-a", "http://a-", "http://a.-b", "http://a-.b",
            "http://-", "http://a\u{60}", "http://a{", "http://a/:80", "http://é.example", "http://\u{212A}.example",
            "http://[", "http://[]", "http://[:]", "http://[::1", "http://::1]", "http://[::1]x", "http://[::1]8080",
            "http://[::1]:", "http://[::1]:0", "http://[::g]", "http://[::`]", "http://[::1]]", "http://[::/]",
            "http://[::-1]", "http://a[::1]", "http://[::1].b", "http://[::1]:\u{0661}",
        ])
    func refused(_ url: String) {
        let error = #expect(throws: ConfigurationError.self) { try HTTPEndpoint(url) }
        #expect(error?.faults.map(\.field) == ["endpoint"])
        #expect(error?.faults.first?.value == "\"\(url)\"")
    }

    @Test("A URL has at most 512 bytes, and what is said of a longer one does not repeat all of it")
    func long() throws {
        let longest = "http://" + String(repeating: "a", count: 505)
        #expect(try HTTPEndpoint(longest).url == longest)
        #expect(try HTTPEndpoint(longest + "/").url == longest)
        let error = #expect(throws: ConfigurationError.self) { try HTTPEndpoint(longest + "a") }
        #expect(error?.faults.first?.value == "\"\(longest.prefix(128))\"")
    }

    @Test("A weight is a finite number above zero")
    func weights() throws {
        for weight in [.leastNonzeroMagnitude, 0.5, 3, .greatestFiniteMagnitude] {
            #expect(try HTTPEndpoint("http://a", weight: weight).weight == weight)
        }
        for weight in [0, -0.1, -1, .infinity, -.infinity, .nan] {
            let error = #expect(throws: ConfigurationError.self) { try HTTPEndpoint("http://a", weight: weight) }
            #expect(
                error?.faults.map(\.description) == [
                    "endpoint.weight: \(weight) is not a finite number above 0"
                ])
        }
        let both = #expect(throws: ConfigurationError.self) { try HTTPEndpoint("x", weight: 0) }
        #expect(both?.faults.map(\.field) == ["endpoint", "endpoint.weight"])
    }
}
