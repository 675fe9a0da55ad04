import java.lang.reflect.UndeclaredThrowableException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

import org.jboss.resteasy.client.jaxrs.engines.ApacheHttpClient4Engine;
import org.ow2.proactive.resourcemanager.common.NSState;
import org.ow2.proactive.resourcemanager.common.event.RMNodeEvent;
import org.ow2.proactive.resourcemanager.common.event.RMNodeSourceEvent;
import org.ow2.proactive.resourcemanager.common.event.dto.RMStateFull;
import org.ow2.proactive_grid_cloud_portal.common.RMRestInterface;
import org.ow2.proactive_grid_cloud_portal.common.SchedulerRestInterface;
import org.ow2.proactive_grid_cloud_portal.rm.client.RMRestClient;
import org.ow2.proactive_grid_cloud_portal.scheduler.client.SchedulerRestClient;
import org.ow2.proactive_grid_cloud_portal.scheduler.dto.JobInfoData;
import org.ow2.proactive_grid_cloud_portal.scheduler.dto.RestMapPage;
import org.ow2.proactive_grid_cloud_portal.scheduler.dto.RestPage;
import org.ow2.proactive_grid_cloud_portal.scheduler.dto.TaskStateData;
import org.ow2.proactive_grid_cloud_portal.scheduler.dto.UserJobData;

/**
 * Calls, through the official client, what the adapter calls by itself, and prints a line of what it has understood for each. The server's URL
 * and the user are arguments, the password is in the environment.
 */
public final class OfficialClient {
    private static final String AUTHORITY = "infrastructure.DefaultInfrastructureManager";

    public static void main(String[] args) throws Exception {
        String url = args[0];
        String user = args[1];
        String password = System.getenv("PROACTIVE_PASSWORD");
        SchedulerRestInterface scheduler = new SchedulerRestClient(url, new ApacheHttpClient4Engine()).getScheduler();
        RMRestInterface rm = new RMRestClient(url, new ApacheHttpClient4Engine()).getRm();

        attempt("wrong password", () -> scheduler.login(user, "another"));
        attempt("no session", () -> scheduler.schedulerStateRevision("none"));
        String jobs = scheduler.login(user, password);
        String nodes = rm.rmConnect(user, password);
        line("sessions", !jobs.isEmpty() && !nodes.isEmpty());
        line("revision", scheduler.schedulerStateRevision(jobs));

        RestMapPage<Long, ArrayList<UserJobData>> page = scheduler.revisionAndJobsInfo(
            jobs, 0, 50, false, true, true, false, false, null, null, null, null, null, "ID_a");
        line("size", page.getSize());
        for (ArrayList<UserJobData> rows : page.getMap().values()) {
            for (UserJobData row : rows) {
                JobInfoData info = row.getJobInfo();
                line("job", info.getJobId().getId(), info.getJobOwner(), info.getStatus(), info.getTotalNumberOfTasks(),
                    info.getPriority(), new TreeMap<>(info.getGenericInformation()));
            }
        }
        String first = args[2];
        line("info", scheduler.jobInfo(jobs, first).getJobId().getReadableName());
        RestPage<TaskStateData> tasks = scheduler.getJobTaskStatesPaginated(jobs, first, 0, 50);
        line("tasks", tasks.getSize());
        for (TaskStateData task : tasks.getList()) {
            line("task", task.getTaskInfo().getTaskId().getId(), task.getName(), task.getTaskInfo().getTaskStatus(),
                task.getNumberOfNodesNeeded(), new TreeMap<>(task.getGenericInformation()));
        }
        line("xml", scheduler.getJobContent(jobs, first).contains("<depends>"));
        attempt("unknown job", () -> scheduler.jobInfo(jobs, "999999"));

        line("active", rm.isActive(nodes));
        line("made", told(rm.defineNodeSource(nodes, "elastic", "org.ow2.proactive.resourcemanager.nodesource." + AUTHORITY,
            new String[] {}, new String[] {}, "org.ow2.proactive.resourcemanager.nodesource.policy.StaticPolicy",
            new String[] { "ALL", "ME" }, new String[] {}, "true")));
        line("made again", told(rm.defineNodeSource(nodes, "elastic", "org.ow2.proactive.resourcemanager.nodesource." + AUTHORITY,
            new String[] {}, new String[] {}, "org.ow2.proactive.resourcemanager.nodesource.policy.StaticPolicy",
            new String[] { "ALL", "ME" }, new String[] {}, "true")));
        line("deployed", told(rm.deployNodeSource(nodes, "elastic")));
        show(rm, nodes);

        Set<String> urls = new LinkedHashSet<>();
        for (RMNodeEvent node : rm.getRMStateFull(nodes).getNodesEvents()) urls.add(node.getNodeUrl());
        String one = urls.iterator().next();
        line("locked", rm.lockNodes(nodes, urls));
        rm.addNodeToken(nodes, one, "t1");
        show(rm, nodes);
        rm.removeNodeToken(nodes, one, "t1");
        line("unlocked", rm.unlockNodes(nodes, urls));
        line("removed", rm.removeNode(nodes, one, true));
        attempt("removed again", () -> rm.removeNode(nodes, one, true));
        show(rm, nodes);
        line("source removed", rm.removeNodeSource(nodes, "elastic", false));
        scheduler.disconnect(jobs);
        rm.rmDisconnect(nodes);
        attempt("after the end", () -> scheduler.schedulerStateRevision(jobs));
    }

    private static void show(RMRestInterface rm, String session) throws Exception {
        RMStateFull all = rm.getRMStateFull(session);
        for (RMNodeSourceEvent source : all.getNodeSource()) line("source", source.getSourceName(), source.getNodeSourceStatus());
        for (RMNodeEvent node : all.getNodesEvents()) {
            // Whether a node is locked this client never reads: its class has no setter for that.
            List<String> tokens = node.getTokens();
            line("node", node.getNodeUrl(), node.getNodeSource(), node.getNodeState().name(), node.getNodeProvider(),
                tokens == null ? "-" : tokens);
        }
    }

    private interface Call {
        Object run() throws Exception;
    }

    /** The class of what is thrown: the client chooses it by what the server says. */
    private static void attempt(String what, Call call) {
        try {
            call.run();
            line(what, "no error");
        } catch (Throwable thrown) {
            // What the interface does not declare comes wrapped.
            Throwable error = thrown instanceof UndeclaredThrowableException ? thrown.getCause() : thrown;
            line(what, error.getClass().getSimpleName());
        }
    }

    private static String told(NSState state) {
        return state.isResult() + " " + state.getErrorMessage();
    }

    private static void line(String what, Object... said) {
        StringBuilder text = new StringBuilder(what).append(':');
        for (Object one : said) text.append(' ').append(one);
        System.out.println(text);
    }
}
