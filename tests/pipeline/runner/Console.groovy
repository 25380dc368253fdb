// Console.groovy: a build's output twice: raw, as programs wrote it, for the tests to look for secrets in, and masked, as
// Jenkins would show it.

class Console {
    private final Writer raw, masked
    private final List<String> secrets = []

    Console(File directory) {
        raw = new File(directory, 'raw.log').newWriter('UTF-8')
        masked = new File(directory, 'console.log').newWriter('UTF-8')
    }

    void hide(String secret) { if (secret) secrets << secret }
    void show(String secret) { secrets.remove(secret) }

    String mask(String text) {
        // The longest first, so that no part of one is left beside the mask of another.
        secrets.sort(false) { -it.length() }.inject(text) { String result, String secret -> result.replace(secret, '****') }
    }

    boolean tells(String text) { secrets.any { text.contains(it) } }

    synchronized void line(String text) {
        raw.println(text)
        masked.println(mask(text))
    }

    void close() {
        raw.close()
        masked.close()
    }
}
