// Steps.groovy: the steps that a Jenkinsfile may take here, each doing what can be done without Jenkins: programs really run,
// files are really stashed and archived, credentials are really bound and unbound. An unknown step ends the build as a fault of
// the Jenkinsfile.

import groovy.ant.FileNameFinder
import java.nio.file.Files
import java.nio.file.StandardCopyOption
import java.util.concurrent.TimeUnit

class Steps {
    private final Build build
    Script file    // the Jenkinsfile, whose own functions are words too
    private final Map<String, File> stashes = [:]
    private int lastMilestone = 0

    Steps(Build build) { this.build = build }

    def methodMissing(String name, Object arguments) {
        if (file.metaClass.respondsTo(file, name)) return file.invokeMethod(name, arguments)
        throw new BadPipeline("No such DSL method '${name}'")
    }

    // Jenkins shows the variables of the environment as variables of the script; so does this, secrets included.
    def propertyMissing(String name) {
        if (name == 'env') return new EnvironmentView(build)
        if (name == 'scm') return 'scm'
        if (name == 'currentBuild') return [result: build.result, number: 7]
        Map<String, String> variables = build.environment()
        if (variables.containsKey(name)) return variables[name]
        throw new MissingPropertyException(name, Steps)
    }

    private void used(String name) { build.knowledge.use('steps', name) }

    private void onAgent(String step) {
        if (!build.agents) throw new IllegalStateException("${step}: no agent here (Required context class hudson.FilePath is missing)")
    }

    // --- programs --------------------------------------------------------------------------------------------------------

    def sh(String script) { sh(script: script) }

    def sh(Map arguments) {
        used('sh')
        onAgent('sh')
        String script = arguments.script
        if (build.console.tells(script)) {
            build.event(type: 'interpolated')
            throw new BadPipeline('a secret is part of the text of an sh step: Groovy put it there')
        }
        Map event = build.event(type: 'sh', script: script, label: arguments.label)
        ByteArrayOutputStream output = new ByteArrayOutputStream()
        int status = command(script, arguments.returnStdout ? output : null)
        event.status = status
        if (arguments.returnStatus) return status
        if (status != 0) throw new IllegalStateException("script returned exit code ${status}: ${script}")
        arguments.returnStdout ? output.toString('UTF-8') : null
    }

    private int command(String script, OutputStream kept) {
        build.workspace.mkdirs()
        // A file, as in Jenkins: so there is a shell that stays beside what it runs.
        File file = new File(build.workspace.parentFile, 'step.sh')
        file.text = script
        ProcessBuilder builder = new ProcessBuilder('bash', '-xe', file.path).directory(build.workspace).redirectErrorStream(kept == null)
        builder.environment().clear()
        builder.environment().putAll(build.environment())
        Process process = builder.start()
        process.outputStream.close()
        List<Thread> readers = []
        if (kept != null) {
            readers << Thread.start { kept << process.inputStream }
            readers << Thread.start { process.errorStream.eachLine { build.console.line(it) } }
        } else {
            readers << Thread.start { process.inputStream.eachLine('UTF-8') { build.console.line(it) } }
        }
        boolean ended = process.waitFor(0, TimeUnit.MILLISECONDS)
        while (!ended && build.left() > 0) ended = process.waitFor(Math.min(50L, build.left()), TimeUnit.MILLISECONDS)
        if (!ended) {
            stop(process)
            build.late.addAll(readers)
            throw new Interrupted('Timeout has been exceeded')
        }
        readers*.join(5000)
        process.exitValue()
    }

    // As Jenkins does (ProcessTree.killRecursively): of what runs at this moment, children are asked to end before their parents,
    // each is given time to, five seconds all of them together, and nothing is killed. The step is over with its shell: what still
    // runs then loses credentials and workspace.
    private void stop(Process process) {
        List<ProcessHandle> below = process.descendants().toList()
        Map<Long, List<ProcessHandle>> children = below.groupBy { it.parent().map { it.pid() }.orElse(0L) }
        build.late.addAll(below)
        ask(process.toHandle(), children, System.currentTimeMillis() + 5000)
        process.waitFor(20, TimeUnit.SECONDS)
    }

    private void ask(ProcessHandle process, Map<Long, List<ProcessHandle>> children, long deadline) {
        children[process.pid()].each { ask(it, children, deadline) }
        process.destroy()
        for (long pause = 10; process.alive && !over(deadline); pause = Math.min(pause * 2, 1000L)) Thread.sleep(pause)
    }

    // A scenario may name a file that has to be there first, for at most a minute: so that what comes next in a script is not
    // missed because the machine is slow.
    private boolean over(long deadline) {
        long now = System.currentTimeMillis()
        String awaited = build.scenario.awaits
        now >= deadline && (!awaited || now >= deadline + 60_000 || new File(awaited).exists())
    }

    void echo(String text) {
        used('echo')
        build.console.line(text)
        build.event(type: 'echo', text: text)
    }

    void error(String text) {
        used('error')
        build.event(type: 'error', text: text)
        throw new IllegalStateException(text)
    }

    def script(Closure body) {
        used('script')
        build.run(body)
    }

    // --- what holds for a while --------------------------------------------------------------------------------------------

    def timeout(Map limit, Closure body) {
        used('timeout')
        build.limited(limit) { build.run(body) }
    }

    def retry(int times, Closure body) {
        used('retry')
        for (int attempt = 1; ; attempt++) {
            try {
                return build.run(body)
            } catch (IllegalStateException failure) {
                if (attempt >= times) throw failure
            }
        }
    }

    def lock(Object resource, Closure body) {
        used('lock')
        build.locked(resource) { build.run(body) }
    }

    def withEnv(List<String> more, Closure body) {
        used('withEnv')
        build.within(build.variables, more.collectEntries { String entry -> entry.toString().split('=', 2) as List }) { build.run(body) }
    }

    void milestone(Map arguments) {
        used('milestone')
        int ordinal = arguments.ordinal as int
        if (ordinal <= lastMilestone) throw new BadPipeline("milestone ${ordinal} after ${lastMilestone}")
        lastMilestone = ordinal
        build.event(type: 'milestone', ordinal: ordinal)
        if (build.scenario.overtaken && ordinal >= (build.scenario.overtaken as int)) throw new Interrupted('Superseded by a newer build')
    }

    // --- secrets -----------------------------------------------------------------------------------------------------------

    Map usernamePassword(Map binding) { binding + [kind: 'usernamePassword'] }
    Map string(Map binding) { binding + [kind: 'string'] }
    Map file(Map binding) { binding + [kind: 'file'] }

    def withCredentials(List<Map> bindings, Closure body) {
        used('withCredentials')
        Map<String, String> bound = [:]
        List<String> hidden = []
        List<File> files = []
        bindings.each { Map binding ->
            build.knowledge.use('bindings', (String) binding.kind)
            Map secret = (Map) build.scenario.secrets[binding.credentialsId]
            if (secret == null) throw new IllegalStateException("Could not find credentials entry with ID '${binding.credentialsId}'")
            switch (binding.kind) {
                case 'usernamePassword':
                    bound[(String) binding.usernameVariable] = (String) secret.username
                    bound[(String) binding.passwordVariable] = (String) secret.password
                    hidden << (String) secret.password
                    break
                case 'string':
                    bound[(String) binding.variable] = (String) secret.text
                    hidden << (String) secret.text
                    break
                case 'file':
                    onAgent('file credentials')
                    // Beside the workspace, as Jenkins does: not in what is archived.
                    File directory = new File(build.workspace.path + '@tmp/secretFiles')
                    directory.mkdirs()
                    File path = File.createTempFile('secret', '', directory)
                    path.text = (String) secret.content
                    files << path
                    bound[(String) binding.variable] = path.path
                    hidden << (String) secret.content
            }
        }
        build.event(type: 'credentials', ids: bindings*.credentialsId)
        hidden.each { build.console.hide(it) }
        try {
            build.within(build.credentials, bindings*.credentialsId.join(',')) {
                build.within(build.variables, bound) { build.run(body) }
            }
        } finally {
            hidden.each { build.console.show(it) }
            files*.delete()
        }
    }

    // --- files ---------------------------------------------------------------------------------------------------------------

    void checkout(Object what) {
        used('checkout')
        onAgent('checkout')
        build.event(type: 'checkout')
        if (command("git clone -q '${build.scenario.source}' .", null) != 0) throw new IllegalStateException('checkout failed')
    }

    // Ant's patterns, as far as they are used: ** and *.
    private List<File> matching(String patterns) {
        patterns.split(',')*.trim().collectMany { String pattern ->
            new FileNameFinder().getFileNames(build.workspace.path, pattern, '') as List<String>
        }.unique().collect { new File(it) }
    }

    private File keep(String place, List<File> files) {
        File directory = new File(build.workspace.parentFile, place)
        files.each { copy(it, build.workspace, directory) }
        directory
    }

    private static void copy(File found, File from, File to) {
        File copy = new File(to, from.toPath().relativize(found.toPath()).toString())
        copy.parentFile.mkdirs()
        Files.copy(found.toPath(), copy.toPath(), StandardCopyOption.REPLACE_EXISTING)
    }

    void stash(Map arguments) {
        used('stash')
        onAgent('stash')
        List<File> files = matching((String) arguments.includes)
        if (!files) throw new IllegalStateException("No files included in stash '${arguments.name}'")
        stashes[(String) arguments.name] = keep("stash-${arguments.name}", files)
        build.event(type: 'stash', name: arguments.name)
    }

    void unstash(String name) {
        used('unstash')
        onAgent('unstash')
        if (!stashes[name]) throw new IllegalStateException("No such saved stash '${name}'")
        build.event(type: 'unstash', name: name)
        File from = stashes[name]
        from.eachFileRecurse(groovy.io.FileType.FILES) { copy(it, from, build.workspace) }
    }

    void archiveArtifacts(Map arguments) {
        used('archiveArtifacts')
        onAgent('archiveArtifacts')
        List<File> files = matching((String) arguments.artifacts)
        if (!files && !arguments.allowEmptyArchive) throw new IllegalStateException("No artifacts found that match '${arguments.artifacts}'")
        keep('artifacts', files)
        build.event(type: 'archive', files: files.size())
    }

    void junit(Map arguments) {
        used('junit')
        onAgent('junit')
        List<File> files = matching((String) arguments.testResults)
        if (!files && !arguments.allowEmptyResults) throw new IllegalStateException('No test report files were found')
        int failed = files.sum(0) { new groovy.xml.XmlParser().parse(it).testcase.count { it.failure || it.error } }
        build.event(type: 'junit', files: files.size(), failed: failed)
        if (failed) build.worse('UNSTABLE')
    }

    void recordCoverage(Map arguments) {
        used('recordCoverage')
        onAgent('recordCoverage')
        build.event(type: 'coverage', files: ((List<Map>) arguments.tools).collectMany { matching((String) it.pattern) }.size())
    }

    void cleanWs(Map arguments = [:]) {
        used('cleanWs')
        onAgent('cleanWs')
        build.event(type: 'cleanWs', deleteDirs: arguments.deleteDirs as boolean)
        // Without deleteDirs, directories would stay.
        if (arguments.deleteDirs) build.workspace.deleteDir()
    }
}

class EnvironmentView {
    private final Build build
    EnvironmentView(Build build) { this.build = build }
    def getProperty(String name) { build.environment()[name] }
    void setProperty(String name, Object value) { build.variables[0][name] = value as String }
}
