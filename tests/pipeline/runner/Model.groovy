// Model.groovy: what a declarative Jenkinsfile says, as objects: the sections and directives that Jenkins knows, read strictly.
// A word that does not belong where it stands is an error here as it is there. Executes nothing.

class BadPipeline extends RuntimeException {
    BadPipeline(String message) { super(message) }
}

class AgentDef { String kind; Map settings = [:] }

class OptionsDef { List<Map> entries = [] }

class WhenDef {
    List<Closure<Boolean>> conditions = []
    boolean beforeAgent, beforeInput, beforeOptions
}

class InputDef { Map settings = [:] }

class StageDef {
    String name
    AgentDef agent
    OptionsDef options = new OptionsDef()
    Closure environment
    WhenDef when
    InputDef input
    Closure steps
    List<StageDef> stages = []
    boolean parallel
    Map<String, Closure> post = [:]
}

class PipelineDef extends StageDef { }

// Reads one closure of the file with a reader for its section. Words that the reader lacks reach the script, which refuses them
// while the file is being read.
class Reader {
    final Knowledge knowledge
    Reader(Knowledge knowledge) { this.knowledge = knowledge }

    def read(Closure body, Object section) {
        Closure copy = (Closure) body.clone()
        copy.delegate = section
        copy.resolveStrategy = Closure.DELEGATE_FIRST
        copy.call()
        section
    }
}

// What steps.json allows, and what of it was used.
class Knowledge {
    final Map<String, Map<String, String>> allowed
    final Map<String, Set<String>> used = [:].withDefault { new TreeSet<String>() }

    Knowledge(Map allowed) { this.allowed = allowed }

    void use(String kind, String word) {
        if (!allowed[kind]?.containsKey(word)) throw new BadPipeline("'${word}' is none of the ${kind} that steps.json knows")
        used[kind] << word
    }
}

class StageSection {
    final StageDef stage
    final Reader reader
    final boolean top

    StageSection(StageDef stage, Reader reader, boolean top) {
        this.stage = stage
        this.reader = reader
        this.top = top
    }

    private void once(boolean free, String word) {
        if (!free) throw new BadPipeline("${stage.name}: '${word}' stands twice")
    }

    String getNone() { 'none' }
    String getAny() { 'any' }

    void agent(String kind) {
        once(stage.agent == null, 'agent')
        reader.knowledge.use('agents', kind)
        stage.agent = new AgentDef(kind: kind)
    }
    void agent(Closure body) {
        once(stage.agent == null, 'agent')
        stage.agent = new AgentDef()
        reader.read(body, new AgentSection(stage.agent, reader))
    }
    void options(Closure body) { reader.read(body, new OptionsSection(stage.options, reader)) }
    void environment(Closure body) { stage.environment = body }
    void stages(Closure body) {
        once(stage.stages.isEmpty() && stage.steps == null, 'stages')
        reader.read(body, new StagesSection(stage.stages, reader))
        if (!stage.stages) throw new BadPipeline("${stage.name}: no stage in stages")
    }
    void post(Closure body) { reader.read(body, new PostSection(stage.post)) }

    private void inStage(String word) { if (top) throw new BadPipeline("'${word}' belongs into a stage") }
    void parallel(Closure body) {
        inStage('parallel')
        stages(body)
        stage.parallel = true
    }
    void steps(Closure body) {
        inStage('steps')
        once(stage.steps == null && stage.stages.isEmpty(), 'steps')
        stage.steps = body
    }
    void when(Closure body) {
        inStage('when')
        stage.when = new WhenDef()
        reader.read(body, new WhenSection(stage.when, reader))
        if (!stage.when.conditions) throw new BadPipeline("${stage.name}: when without a condition")
    }
    void input(Closure body) {
        inStage('input')
        reader.knowledge.use('steps', 'input')
        stage.input = new InputDef()
        reader.read(body, new SettingsSection(stage.input.settings, ['message', 'ok', 'id', 'submitter', 'submitterParameter']))
        if (!stage.input.settings.message) throw new BadPipeline("${stage.name}: input without a message")
    }
}

class StagesSection {
    final List<StageDef> stages
    final Reader reader
    StagesSection(List<StageDef> stages, Reader reader) {
        this.stages = stages
        this.reader = reader
    }
    void stage(String name, Closure body) {
        StageDef stage = new StageDef(name: name)
        reader.read(body, new StageSection(stage, reader, false))
        if (stage.steps == null && !stage.stages) throw new BadPipeline("${name}: neither steps nor stages")
        stages << stage
    }
}

class SettingsSection {
    final Map settings
    final List<String> names
    SettingsSection(Map settings, List<String> names) {
        this.settings = settings
        this.names = names
    }
    def methodMissing(String name, Object arguments) {
        List values = arguments as List
        if (!(name in names) || values.size() != 1) throw new BadPipeline("'${name}' is not one of ${names}")
        settings[name] = values[0]
    }
}

class AgentSection {
    final AgentDef agent
    final Reader reader
    AgentSection(AgentDef agent, Reader reader) {
        this.agent = agent
        this.reader = reader
    }
    void label(String label) { take('label', [label: label]) }
    void dockerfile(Closure body) {
        take('dockerfile', [:])
        reader.read(body, new SettingsSection(agent.settings,
            ['filename', 'dir', 'additionalBuildArgs', 'args', 'label', 'reuseNode']))
    }
    private void take(String kind, Map settings) {
        if (agent.kind) throw new BadPipeline('two kinds of agent at once')
        reader.knowledge.use('agents', kind)
        agent.kind = kind
        agent.settings = settings
    }
}

class OptionsSection {
    final OptionsDef options
    final Reader reader
    OptionsSection(OptionsDef options, Reader reader) {
        this.options = options
        this.reader = reader
    }
    Map logRotator(Map settings) { settings }
    def methodMissing(String name, Object arguments) {
        reader.knowledge.use('options', name)
        options.entries << [name: name, arguments: arguments as List]
    }
}

class PostSection {
    static final List<String> CONDITIONS = ['always', 'changed', 'fixed', 'regression', 'aborted', 'failure', 'success',
        'unstable', 'unsuccessful', 'cleanup']
    final Map<String, Closure> post
    PostSection(Map<String, Closure> post) { this.post = post }
    def methodMissing(String name, Object arguments) {
        if (!(name in CONDITIONS)) throw new BadPipeline("post knows no '${name}'")
        post[name] = (Closure) (arguments as List)[0]
    }
}

// Conditions become closures that are asked with the build when the time has come.
class WhenSection {
    final WhenDef target
    final Reader reader
    WhenSection(WhenDef target, Reader reader) {
        this.target = target
        this.reader = reader
    }
    private void add(String name, Closure<Boolean> condition) {
        reader.knowledge.use('conditions', name)
        target.conditions << condition
    }
    private List<Closure<Boolean>> inner(Closure body) {
        WhenDef nested = new WhenDef()
        reader.read(body, new WhenSection(nested, reader))
        nested.conditions
    }
    void beforeAgent(boolean value) { target.beforeAgent = value }
    void beforeInput(boolean value) { target.beforeInput = value }
    void beforeOptions(boolean value) { target.beforeOptions = value }
    // Jenkins compares like Ant does: * within a name, ** across.
    private static boolean matches(String pattern, String value) {
        String regex = pattern.split(/\*\*/, -1).collect { part -> part.split(/\*/, -1).collect { java.util.regex.Pattern.quote(it) }.join('[^/]*') }.join('.*')
        value ==~ regex
    }
    void branch(String pattern) { add('branch') { build -> build.branch != null && matches(pattern, build.branch) } }
    void tag(String pattern) { add('tag') { build -> build.tag != null && matches(pattern, build.tag) } }
    void changeRequest() { add('changeRequest') { build -> build.changeRequest } }
    void environment(Map named) { add('environment') { build -> build.environment()[named.name] == named.value } }
    void expression(Closure body) { add('expression') { build -> build.run(body) as boolean } }
    void not(Closure body) {
        List<Closure<Boolean>> conditions = inner(body)
        add('not') { build -> !conditions.every { it(build) } }
    }
    void anyOf(Closure body) {
        List<Closure<Boolean>> conditions = inner(body)
        add('anyOf') { build -> conditions.any { it(build) } }
    }
    void allOf(Closure body) {
        List<Closure<Boolean>> conditions = inner(body)
        add('allOf') { build -> conditions.every { it(build) } }
    }
}
