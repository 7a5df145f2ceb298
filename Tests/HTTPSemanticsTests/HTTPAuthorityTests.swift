import Testing

@testable import HTTPSemantics

@Suite("Names of places that requests go to")
struct HTTPAuthorityTests {
    @Test(
        "One place has one name in all its spellings",
        arguments: [
            ("https", ["eu.example", "EU.example", "eu.Example:443", "eu.example:0443", "eu.example:"]),
            ("HTTP", ["eu.example", "EU.EXAMPLE:80", "eu.example:080", "eu.example:"]),
            ("https", ["eu.example:80", "EU.example:080"]),
            ("http", ["eu.example:443", "eu.exampLe:443"]),
            ("https", ["[::1]", "[::1]:443", "[::1]:"]),
            ("https", ["[fe80::a]:8443", "[FE80::A]:8443", "[fe80::A]:08443"]),
            ("ftp", ["eu.example:21", "EU.example:021"]),
        ] as [(String, [String])])
    func spellings(scheme: String, spellings: [String]) {
        for spelling in spellings {
            #expect(HTTPAuthority.name(spelling, scheme: scheme) == spellings[0], "\(scheme)://\(spelling)")
        }
    }

    @Test("Without a scheme no port is the usual one")
    func withoutScheme() {
        #expect(HTTPAuthority.name("EU.example:443", scheme: nil) == "eu.example:443")
        #expect(HTTPAuthority.name("eu.example:80", scheme: "") == "eu.example:80")
    }

    @Test(
        "What is no authority stays what it is, in lower case",
        arguments: ["", ":", "a:b", "a:65536", "a:-1", "a:+443", "a:443:443x", "[::1", "ärger.example", "a b", "]:["])
    func garbage(text: String) {
        let expected = text == ":" ? "" : text
        #expect(HTTPAuthority.name(text, scheme: "https") == expected)
        #expect(HTTPAuthority.name(text.uppercased(), scheme: "https") == expected)
    }
}
