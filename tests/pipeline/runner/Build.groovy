// Build.groovy: runs what Model.groovy read, as Jenkins would: agents, options, conditions, input, stages, post. Steps are in
// Steps.groovy. Everything that happens is an event; time limits are real, with a minute as long as the scenario says.

class Interrupted extends RuntimeException {
    Interrupted(String message) { super(message) }
}

class Build {
    static final List<String> RESULTS = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'ABORTED']
    final Map scenario
    final Console console
    final File workspace
    final Knowledge knowledge
    final List<Map> events = []
    final List<Map> stageResults = []
    Steps steps
    String result = 'SUCCESS'

    // What holds at this moment, innermost last.
    final List<String> stagePath = [], agents = [], locks = [], credentials = []
    final List<Long> deadlines = []
    final List<Map<String, String>> variables = []
    // What outlived its step: processes, and the threads that read what those print.
    final List late = []

    Build(Map scenario, File directory, Knowledge knowledge) {
        this.scenario = scenario
        this.knowledge = knowledge
        console = new Console(directory)
        workspace = new File(directory, 'workspace')
        variables << ((scenario.env ?: [:]) as Map<String, String>)
        variables << ([WORKSPACE: workspace.path, BUILD_NUMBER: '7', JOB_NAME: "trivet/${branch ?: ''}".toString()] as Map<String, String>)
        if (branch) variables[-1].BRANCH_NAME = branch
        steps = new Steps(this)
    }

    String getBranch() { scenario.branch }
    String getTag() { scenario.tag }
    boolean getChangeRequest() { scenario.changeRequest as boolean }

    Map<String, String> environment() { variables.inject([:]) { Map sum, Map more -> sum + more } as Map<String, String> }

    Map event(Map what) {
        Map event = [stage: stagePath.join('/'), agent: agents ? agents[-1] : 'none', locks: locks.collect(),
            credentials: credentials.collect(), limits: deadlines.size()] + what
        events << event
        event
    }

    void worse(String other) { if (RESULTS.indexOf(other) > RESULTS.indexOf(result)) result = other }

    // within LIST ENTRY BODY: the entry holds while the body runs.
    def within(List list, Object entry, Closure body) {
        list << entry
        try {
            body()
        } finally {
            list.remove(list.size() - 1)
        }
    }

    // A minute is as long as the scenario says for the stage, else a minute.
    long millis(Map limit) {
        Map<String, Integer> minutes = (Map<String, Integer>) (scenario.minutes ?: [:])
        long minute = (minutes[stagePath ? stagePath[-1] : ''] ?: 60_000) as long
        (limit.time as long) * minute * [SECONDS: 1 / 60, MINUTES: 1, HOURS: 60, DAYS: 1440][limit.unit ?: 'MINUTES']
    }

    def limited(Map limit, Closure body) { within(deadlines, System.currentTimeMillis() + millis(limit), body) }

    def locked(Object resource, Closure body) {
        String name = resource instanceof Map ? resource.resource : resource
        event(type: 'lock', name: name)
        within(locks, name, body)
    }

    // How long the innermost limits leave. A scenario may name a file that ends them: so that "it hangs until its limit" does not
    // depend on how fast the machine is.
    long left() {
        if (!deadlines) return Long.MAX_VALUE
        scenario.expires && new File((String) scenario.expires).exists() ? 0L : deadlines.min() - System.currentTimeMillis()
    }

    // A closure of the file, with the steps as its words.
    def run(Closure body, Object... arguments) {
        Closure copy = (Closure) body.clone()
        copy.delegate = steps
        copy.resolveStrategy = Closure.DELEGATE_FIRST
        copy.call(*arguments)
    }

    void execute(PipelineDef pipeline) {
        if (!pipeline.agent) throw new BadPipeline('pipeline: agent is missing')
        if (!pipeline.stages) throw new BadPipeline('pipeline: stages are missing')
        guarded('pipeline') { withOptions(pipeline.options) { withAgent(pipeline.agent) { inside(pipeline) } } }
        // For the tests alone: Jenkins would neither wait nor show it.
        late.findAll { it instanceof ProcessHandle }.each { ProcessHandle one ->
            try {
                one.onExit().get(60, java.util.concurrent.TimeUnit.SECONDS)
            } catch (java.util.concurrent.TimeoutException slow) {
                console.line("Runs on: ${one.info().commandLine().orElse('?')}")
                one.destroyForcibly()
            }
        }
        late.findAll { it instanceof Thread }*.join(5000)
        event(type: 'end', result: result)
        console.line("Finished: ${result}")
    }

    // Turns what went wrong into a result, once, where the stage ends.
    private Throwable guarded(String name, Closure body) {
        try {
            body()
            null
        } catch (Interrupted interrupted) {
            worse('ABORTED')
            console.line("[${name}] ${interrupted.message}")
            interrupted
        } catch (BadPipeline bad) {
            throw bad
        } catch (Exception failure) {
            worse('FAILURE')
            console.line("[${name}] ${failure.message}")
            failure
        }
    }

    private void withOptions(OptionsDef options, Closure body) {
        Closure wrapped = options.entries.reverse().inject(body) { Closure inner, Map option ->
            Object argument = option.arguments ? option.arguments[0] : null
            switch (option.name) {
                case 'timeout': return { limited((Map) argument, inner) }
                case 'lock': return { locked(argument, inner) }
                default:
                    event(type: 'option', name: option.name)
                    return inner
            }
        }
        wrapped()
    }

    private void withAgent(AgentDef agent, Closure body) {
        if (agent == null || agent.kind == 'none') {
            body()
        } else if (agent.kind == 'dockerfile') {
            if (!agent.settings.reuseNode || !agents) throw new BadPipeline('a dockerfile agent without reuseNode has no sources here')
            within(agents, "container of ${agent.settings.filename}".toString()) {
                File recipe = new File(workspace, (String) agent.settings.filename)
                if (!recipe.file) throw new IllegalStateException("${recipe} is missing")
                event(type: 'container', args: agent.settings.args?.toString())
                steps.sh("docker build -t build-agent ${agent.settings.additionalBuildArgs ?: ''} -f \"${agent.settings.filename}\" \"${agent.settings.dir ?: '.'}\"".toString())
                body()
            }
        } else {
            // The wait for a machine: every limit that holds here counts it.
            event(type: 'allocate', label: agent.settings.label)
            workspace.mkdirs()
            within(agents, (String) (agent.settings.label ?: agent.kind), body)
        }
    }

    private void stage(StageDef stage) {
        within(stagePath, stage.name) {
            Map report = [name: stage.name, result: 'SUCCESS']
            stageResults << report
            boolean early = stage.when && (stage.when.beforeOptions || stage.when.beforeInput || stage.when.beforeAgent)
            if (early && !holds(stage.when)) {
                report.result = 'SKIPPED'
                return
            }
            Throwable failure = guarded(stage.name) {
                withOptions(stage.options) {
                    if (stage.input) ask(stage.input)
                    withAgent(stage.agent) {
                        if (!early && stage.when && !holds(stage.when)) {
                            report.result = 'SKIPPED'
                        } else {
                            console.line("== ${stagePath.join(' / ')}")
                            inside(stage)
                        }
                    }
                }
            }
            if (failure) {
                report.result = failure instanceof Interrupted ? 'ABORTED' : 'FAILURE'
                throw failure
            }
        }
    }

    private boolean holds(WhenDef when) { when.conditions.every { it(this) } }

    // The steps or the stages, then post, whose conditions look at how this part went.
    private void inside(StageDef stage) {
        Throwable failure = null
        withVariables(stage) {
            try {
                if (stage.steps) {
                    run(stage.steps)
                } else {
                    failure = eachStage(stage)
                }
            } catch (BadPipeline bad) {
                throw bad
            } catch (Exception caught) {
                failure = caught
            }
            String outcome = failure == null ? (result == 'UNSTABLE' ? 'UNSTABLE' : 'SUCCESS') : failure instanceof Interrupted ? 'ABORTED' : 'FAILURE'
            PostSection.CONDITIONS.findAll { stage.post.containsKey(it) && applies(it, outcome) }.each { String condition ->
                event(type: 'post', condition: condition)
                // What holds for a failed stage is no reason to leave out the rest of post.
                Throwable late = guarded("post ${condition}") { run(stage.post[condition]) }
                failure = failure ?: late
            }
        }
        if (failure) throw failure
    }

    private Throwable eachStage(StageDef parent) {
        Throwable first = null
        parent.stages.each { StageDef child ->
            if (first && !parent.parallel) {
                stageResults << [name: child.name, result: 'NOT_RUN']
                return
            }
            try {
                stage(child)
            } catch (BadPipeline bad) {
                throw bad
            } catch (Exception failure) {
                first = first ?: failure
            }
        }
        first
    }

    private boolean applies(String condition, String outcome) {
        switch (condition) {
            case ['always', 'cleanup']: return true
            case 'success': return outcome == 'SUCCESS'
            case 'failure': return outcome == 'FAILURE'
            case 'aborted': return outcome == 'ABORTED'
            case 'unstable': return outcome == 'UNSTABLE'
            case 'unsuccessful': return outcome != 'SUCCESS'
            case 'changed': return outcome != scenario.previous
            case 'fixed': return outcome == 'SUCCESS' && scenario.previous in ['FAILURE', 'UNSTABLE']
            case 'regression': return outcome != 'SUCCESS' && scenario.previous == 'SUCCESS'
        }
    }

    private void withVariables(StageDef stage, Closure body) {
        if (!stage.environment) {
            body()
            return
        }
        Map<String, String> more = [:]
        within(variables, more) {
            Closure copy = (Closure) stage.environment.clone()
            copy.delegate = new EnvironmentSection(more, steps)
            copy.resolveStrategy = Closure.DELEGATE_FIRST
            copy.call()
            body()
        }
    }

    private void ask(InputDef input) {
        Map approval = (Map) scenario.approval
        List<String> allowed = ((String) (input.settings.submitter ?: '')).split(',')*.trim().findAll()
        event(type: 'input', message: input.settings.message, submitters: allowed)
        if (approval == null || (allowed && !(approval.by in allowed))) {
            // Nobody who may answer does.
            if (!deadlines) throw new BadPipeline('an input without a time limit waits for ever')
            Thread.sleep(Math.max(0L, left()))
            throw new Interrupted('Timeout has been exceeded while waiting for input')
        }
        if (!approval.yes) throw new Interrupted("Rejected by ${approval.by}")
        if (input.settings.submitterParameter) variables[-1][(String) input.settings.submitterParameter] = (String) approval.by
        event(type: 'approved', by: approval.by)
    }
}

class EnvironmentSection {
    private final Map<String, String> target
    private final Steps steps
    EnvironmentSection(Map<String, String> target, Steps steps) {
        this.target = target
        this.steps = steps
    }
    void setProperty(String name, Object value) { target[name] = value as String }
    def propertyMissing(String name) { target.containsKey(name) ? target[name] : steps.propertyMissing(name) }
}
