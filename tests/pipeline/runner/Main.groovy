// Main.groovy: runs a Jenkinsfile once for each scenario and writes what happened as JSON.
//   Main.groovy STEPS.JSON SCENARIO.JSON...
// A scenario (written by scenarios.py) names the Jenkinsfile, its directory, branch, environment, secrets, approval and how long a
// minute is; the directory gets raw.log, console.log, artifacts/ and result.json. A fault of the Jenkinsfile itself is in there too.

import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilationFailedException
import org.codehaus.groovy.control.CompilerConfiguration

// The file as Jenkins sees it: its own functions, the word pipeline, and every step.
abstract class PipelineScript extends Script {
    // Fields that are spoken to as fields: a script's properties belong to its binding.
    private Build build
    private boolean reading = true

    void attach(Build build) { this.@build = build }

    void pipeline(Closure body) {
        PipelineDef pipeline = new PipelineDef(name: 'pipeline')
        Reader reader = new Reader(this.@build.knowledge)
        reader.read(body, new StageSection(pipeline, reader, true))
        this.@reading = false
        this.@build.execute(pipeline)
    }

    def methodMissing(String name, Object arguments) {
        if (this.@reading) throw new BadPipeline("'${name}' does not belong there")
        this.@build.steps.invokeMethod(name, arguments)
    }

    def propertyMissing(String name) {
        // What an agent is started with may depend on the build's environment.
        if (this.@reading && name != 'env') throw new BadPipeline("'${name}' does not belong there")
        this.@build.steps.propertyMissing(name)
    }
}

CompilerConfiguration configuration = new CompilerConfiguration(scriptBaseClass: PipelineScript.name)
GroovyShell shell = new GroovyShell(PipelineScript.classLoader, new Binding(), configuration)
Map<String, Class> parsed = [:].withDefault { shell.parse(new File((String) it)).getClass() }
Map allowed = (Map) new JsonSlurper().parse(new File(args[0]))

args.drop(1).each { String path ->
    Map scenario = (Map) new JsonSlurper().parse(new File(path))
    File directory = new File((String) scenario.directory)
    Knowledge knowledge = new Knowledge(allowed)
    Build build = new Build(scenario, directory, knowledge)
    String fault = null
    try {
        PipelineScript file = (PipelineScript) parsed[(String) scenario.jenkinsfile].getDeclaredConstructor().newInstance()
        file.attach(build)
        build.steps.file = file
        file.run()
    } catch (BadPipeline | CompilationFailedException bad) {
        fault = bad.message
    } catch (Exception unexpected) {
        fault = unexpected.toString()
        unexpected.printStackTrace()
    }
    build.console.close()
    new File(directory, 'result.json').text = JsonOutput.toJson([result: fault ? 'FAULT' : build.result, fault: fault,
        stages: build.stageResults, events: build.events, used: knowledge.used, workspace: build.workspace.exists()])
}
