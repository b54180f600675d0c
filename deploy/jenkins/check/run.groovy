// Runs the stages of a Jenkinsfile as Jenkins would, with each step replaced by a record of its call:
//   groovy run.groovy Jenkinsfile <scenarios.json
// A scenario: {branch, params, env, previous, failing: [{command: REGEX, status: NUMBER or "abort"}], text: another
// file's}. The answer is a list in JSON, for each scenario {result, calls, credentials, timeouts} or {error}. Steps, options, conditions and
// arguments that are not in the tables below are errors: Jenkins would refuse them, or nobody has thought about them.
// Modelled on https://www.jenkins.io/doc/book/pipeline/syntax/; it is no Jenkins.
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.ast.expr.BinaryExpression
import org.codehaus.groovy.ast.expr.ClosureExpression
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.stmt.ExpressionStatement
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.Phases

class Known {
    // Name: arguments that may be given by name; the first is the one that may stand alone.
    static final Map STEPS = [
        sh: ['script', 'returnStatus'], junit: ['testResults', 'allowEmptyResults'], recordCoverage: ['tools'],
        archiveArtifacts: ['artifacts', 'allowEmptyArchive'], mail: ['to', 'subject', 'body'],
        error: ['message'], unstable: ['message'],
    ]
    static final Map BINDINGS = [
        usernamePassword: ['credentialsId', 'usernameVariable', 'passwordVariable'],
        sshUserPrivateKey: ['credentialsId', 'keyFileVariable', 'usernameVariable'],
        file: ['credentialsId', 'variable'],
    ]
    static final Map OPTIONS = [
        timeout: ['time', 'unit'], disableConcurrentBuilds: [], timestamps: [],
        buildDiscarder: ['strategy'], logRotator: ['numToKeepStr', 'artifactNumToKeepStr'],
    ]
    static final Map PARAMETERS = [
        booleanParam: ['name', 'defaultValue', 'description'], string: ['name', 'defaultValue', 'description'],
    ]
    static final List STAGE = ['options', 'when', 'steps', 'stages', 'parallel', 'post']
    static final List PIPELINE = ['agent', 'parameters', 'options', 'environment', 'stages', 'post']
    // In the order in which Jenkins runs them.
    static final List POST = ['always', 'fixed', 'aborted', 'failure', 'success', 'unstable']
    static final List RESULTS = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'ABORTED']
}

class StepFailed extends RuntimeException {
    String result
    StepFailed(String message, String result = 'FAILURE') { super(message); this.result = result }
}

// The Jenkinsfile is a subclass of this: what it does not define itself comes here.
abstract class PipelineScript extends Script {
    def methodMissing(String name, arguments) { binding.run.call(name, arguments as List) }
    def propertyMissing(String name) { binding.run.property(name) }
    void setProperty(String name, value) {
        if (name == 'binding') { super.setProperty(name, value) } else { binding.run.assign(name, value) }
    }
}

class PipelineRun {
    Map scenario
    Map env
    Map params = [:]
    String result = 'SUCCESS'
    List calls = []
    Map credentials = [:]
    Map timeouts = [:]
    // What is being read or run, innermost last: [kind, its model].
    private final List contexts = []
    private final List bound = []
    private String stageName = ''

    PipelineRun(Map scenario) {
        this.scenario = scenario
        env = (scenario.env ?: [:]) + [BRANCH_NAME: scenario.branch]
    }

    private String kind() { contexts ? contexts[-1].kind : 'file' }
    private model() { contexts[-1].model }

    private within(String kind, model, Closure body) {
        contexts << [kind: kind, model: model]
        try { return body() } finally { contexts.pop() }
    }

    private static void fail(String text) { throw new IllegalArgumentException(text) }

    def call(String name, List arguments) {
        switch (kind()) {
            case 'file': return name == 'pipeline' ? pipeline(arguments[0]) : fail("${name} outside of pipeline")
            case 'pipeline': return section(name, arguments, Known.PIPELINE)
            case 'stage': return section(name, arguments, Known.STAGE)
            case 'stages': return stage(name, arguments)
            case 'options': return option(name, arguments)
            case 'parameters': return parameter(name, arguments)
            case 'when': return condition(name, arguments)
            case 'post': return postCondition(name, arguments)
            case 'steps': return step(name, arguments)
        }
        fail("${name} in ${kind()}")
    }

    def property(String name) {
        if (name == 'params') { return params.asImmutable() }
        if (name == 'env') { return env }
        if (name == 'any' && kind() == 'pipeline') { return 'any' }
        fail("nothing is called ${name} in ${kind()}")
    }

    void assign(String name, value) {
        if (kind() != 'environment') { fail("${name} is assigned in ${kind()}") }
        env[name] = value.toString()
    }

    // --- The file is read ---

    private void pipeline(Closure body) {
        Map read = [kind: 'pipeline']
        within('pipeline', read, body)
        ['agent', 'stages'].each { if (!read[it]) { fail("pipeline without ${it}") } }
        within('environment', null, read.environment ?: { })
        runStages(read.stages)
        runPost(read.post)
    }

    private void section(String name, List arguments, List known) {
        if (!(name in known)) { fail("unknown section ${name} in ${kind()}") }
        if (model().containsKey(name)) { fail("${name} twice in ${kind()}") }
        Map parts = [:]
        model()[name] = parts
        switch (name) {
            case 'agent': model().agent = arguments[0]; break
            case ['steps', 'when', 'environment']: model()[name] = arguments[0]; break
            case ['stages', 'parallel']:
                List stages = []
                within('stages', stages, arguments[0])
                model()[name] = stages
                break
            default: within(name, parts, arguments[0])
        }
    }

    private void stage(String name, List arguments) {
        if (name != 'stage') { fail("${name} in stages") }
        Map read = [name: arguments[0]]
        within('stage', read, arguments[1])
        if (['steps', 'stages', 'parallel'].count { read.containsKey(it) } != 1) {
            fail("stage ${read.name} needs one of steps, stages and parallel")
        }
        if (model().any { it.name == read.name }) { fail("two stages are called ${read.name}") }
        model() << read
    }

    private option(String name, List arguments) {
        Map given = named(name, arguments, Known.OPTIONS)
        if (name == 'timeout') {
            if (!(given.unit in ['MINUTES', 'HOURS'])) { fail("timeout in ${given.unit}") }
            model().minutes = given.time * (given.unit == 'HOURS' ? 60 : 1)
        }
        // No map: that would be taken for arguments by name.
        return [name, given]
    }

    private void parameter(String name, List arguments) {
        Map given = named(name, arguments, Known.PARAMETERS)
        params[given.name] = (scenario.params ?: [:]).getOrDefault(given.name, given.defaultValue)
    }

    private void postCondition(String name, List arguments) {
        if (!(name in Known.POST)) { fail("unknown condition ${name} in post") }
        model()[name] = arguments[0]
    }

    private static Map named(String name, List arguments, Map known) {
        if (!known.containsKey(name)) { fail("unknown: ${name}") }
        List names = known[name]
        if (!arguments) { return [:] }
        if (!(arguments[0] instanceof Map)) { return [(names[0]): arguments[0]] }
        arguments[0].keySet().each { if (!(it in names)) { fail("${name} takes no ${it}") } }
        return arguments[0]
    }

    // --- Its stages run ---

    private boolean isOver() { result in ['FAILURE', 'ABORTED'] }

    private void worsen(String other) {
        if (Known.RESULTS.indexOf(other) > Known.RESULTS.indexOf(result)) { result = other }
    }

    private void runStages(List stages) { stages.each { if (!isOver()) { runStage(it) } } }

    private void runStage(Map stage) {
        if (stage.when && !holds(stage.when)) { return }
        String outer = stageName
        stageName = stage.name
        if (stage.options?.minutes) { timeouts[stage.name] = stage.options.minutes }
        if (stage.stages) { runStages(stage.stages) }
        // Side by side in Jenkins: the failure of one does not keep the others from running.
        String before = result
        List results = (stage.parallel ?: []).collect { result = before; runStage(it); result }
        result = before
        results.each { worsen(it) }
        if (stage.steps) { runSteps(stage.steps) }
        stageName = stage.name
        runPost(stage.post)
        stageName = outer
    }

    private void runSteps(Closure steps) {
        try {
            within('steps', null, steps)
        } catch (StepFailed failed) {
            worsen(failed.result)
        }
    }

    private void runPost(Map post) {
        boolean isFixed = result == 'SUCCESS' && scenario.previous in ['FAILURE', 'UNSTABLE']
        Map holds = [always: true, fixed: isFixed, aborted: result == 'ABORTED', failure: result == 'FAILURE',
                     success: result == 'SUCCESS', unstable: result == 'UNSTABLE']
        Known.POST.each { if (post?.get(it) && holds[it]) { runSteps(post[it]) } }
    }

    private boolean holds(Closure conditions) {
        List found = []
        within('when', found, conditions)
        return found && found.every()
    }

    private void condition(String name, List arguments) {
        switch (name) {
            case 'branch': model() << (scenario.branch == arguments[0]); break
            case 'expression': model() << (arguments[0]() as boolean); break
            case 'not': model() << !holds(arguments[0]); break
            default: fail("unknown condition ${name} in when")
        }
    }

    private step(String name, List arguments) {
        if (name == 'script') { return arguments[0]() }
        if (name in Known.BINDINGS) { return named(name, arguments, Known.BINDINGS) + [kind: name] }
        if (name == 'withCredentials') { return withCredentials(arguments[0], arguments[1]) }
        Map given = named(name, arguments, Known.STEPS)
        String what = given[Known.STEPS[name][0]]
        calls << [stage: stageName, step: name, what: what]
        if (name == 'unstable') { worsen('UNSTABLE') }
        if (name == 'error') { throw new StepFailed(what) }
        if (name != 'sh') { return null }
        if (bound) { credentials[what] = bound.collectEntries { it } }
        def status = (scenario.failing ?: []).find { what =~ it.command }?.status ?: 0
        if (status == 'abort') { throw new StepFailed(what, 'ABORTED') }
        if (given.returnStatus) { return status }
        if (status) { throw new StepFailed("${what}: ${status}") }
        return null
    }

    private withCredentials(List bindings, Closure body) {
        int before = bound.size()
        bindings.each { binding ->
            Map variables = binding.findAll { it.key.toLowerCase().endsWith('variable') }
            if (!binding.credentialsId || !variables) { fail("a credential without id or variable: ${binding}") }
            bound << [(binding.credentialsId): variables.values().sort()]
        }
        try { return body() } finally { while (bound.size() > before) { bound.pop() } }
    }
}

// Declarative: only calls, but for what stands in script, in conditions and in functions of one's own.
class Grammar {
    static void check(String text) {
        CompilationUnit unit = new CompilationUnit()
        unit.addSource('Jenkinsfile', text)
        unit.compile(Phases.CONVERSION)
        closure(unit.AST.modules[0].statementBlock.statements, 'the file')
    }

    private static void closure(List statements, String where) {
        statements.each { statement ->
            def expression = statement instanceof ExpressionStatement ? statement.expression : null
            boolean isAllowed = where == 'environment' ? expression instanceof BinaryExpression
                                                       : expression instanceof MethodCallExpression
            if (!isAllowed) {
                throw new IllegalArgumentException("line ${statement.lineNumber}: only calls may stand in ${where}")
            }
            if (expression instanceof MethodCallExpression && !(expression.methodAsString in ['script', 'expression'])) {
                expression.arguments.expressions.findAll { it instanceof ClosureExpression }.each {
                    closure(it.code.statements, expression.methodAsString)
                }
            }
        }
    }
}

List answers = new JsonSlurper().parse(System.in).collect { scenario ->
    String text = scenario.text ?: new File(args[0]).text
    PipelineRun run = new PipelineRun(scenario)
    CompilerConfiguration configuration = new CompilerConfiguration(scriptBaseClass: PipelineScript.name)
    try {
        Grammar.check(text)
        new GroovyShell(this.class.classLoader, new Binding(run: run), configuration).evaluate(text, 'Jenkinsfile')
        run.with { [result: result, calls: calls, credentials: credentials, timeouts: timeouts] }
    } catch (Exception refused) {
        [error: refused.message ?: refused.toString()]
    }
}
println JsonOutput.toJson(answers)
