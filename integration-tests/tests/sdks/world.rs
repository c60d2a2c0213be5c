//! Four applications, one node between them, one broker: `apps/module.yaml.template`, running.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use integration_tests::harness::ports::free_port;
use integration_tests::harness::{
    App, Application, Broker, Documents, Follower, Http, KafkaClient, Language, Node, eventually,
};
use serde_json::{Value, json};

pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) apps: Vec<App>,
    pub(crate) kafka: KafkaClient,
    /// Result lines: topic `it-out`.
    pub(crate) lines: Follower,
    /// What the `egress` functions write: topic `it-raw`.
    pub(crate) raw: Follower,
    pub(crate) http: Http,
    playground_egress: u16,
    application: Application,
    node: Mutex<Option<Node>>,
}

impl World {
    /// The one world of this program.
    pub(crate) fn get() -> &'static Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(Self::create)
    }

    fn create() -> Self {
        let starting: Vec<_> =
            Language::ALL.into_iter().map(|language| std::thread::spawn(move || App::start(language))).collect();
        let broker = Broker::shared();
        let kafka = broker.client();
        for language in Language::ALL {
            kafka.create_topic(&format!("it-{}", language.name()), 2);
            kafka.create_topic(&format!("it-{}-counter", language.name()), 2);
        }
        for topic in ["it-order", "it-order-compiled", "it-out", "it-raw", "it-elsewhere"] {
            kafka.create_topic(topic, 2);
        }
        let apps: Vec<App> = starting.into_iter().map(|app| app.join().expect("every application starts")).collect();
        let template = std::fs::read_to_string(integration_tests::harness::apps::apps().join("module.yaml.template"))
            .expect("the template");
        let playground_egress = free_port();
        let mut module = template
            .replace("@BROKER@", &broker.address())
            .replace("@GROUP@", "sdks")
            .replace("@DELIVERY@", "at-least-once")
            .replace("@SHARED_PORT@", &apps[0].port.to_string())
            .replace("@INGRESS_PORT@", &free_port().to_string())
            .replace("@EGRESS_PORT@", &playground_egress.to_string());
        for app in &apps {
            module = module.replace(&format!("@{}_PORT@", app.language.name().to_uppercase()), &app.port.to_string());
        }
        let application = Application::new(&Documents::from_text(&module)).with(&["--epoch", "200ms"]);
        let node = application.start();
        Self {
            apps,
            lines: kafka.follow("it-out"),
            raw: kafka.follow("it-raw"),
            kafka,
            http: Http::default(),
            playground_egress,
            application,
            node: Mutex::new(Some(node)),
        }
    }

    /// Sends something to a function by way of Kafka and the `dispatch` of its language. `what` is `{"command": ..}`,
    /// `{"text": ..}` or `{"int": ..}`.
    pub(crate) fn tell(&self, language: Language, function: &str, id: &str, what: &Value) {
        let mut envelope = json!({"to": typename(language, function), "id": id});
        for (name, value) in what.as_object().expect("an object") {
            envelope[name] = value.clone();
        }
        let topic = format!("it-{}", language.name());
        self.kafka.produce(&topic, None, Some(id), envelope.to_string().as_bytes());
    }

    pub(crate) fn command(&self, language: Language, function: &str, id: &str, command: Value) {
        self.tell(language, function, id, &json!({"command": command}));
    }

    /// What a function instance has said, without the prefix that names it, as soon as it is so many lines.
    pub(crate) fn said(&self, language: Language, function: &str, id: &str, count: usize) -> Vec<String> {
        let who = format!("{} {function} {id}", language.name());
        // An empty text may have lost the blank before it.
        let after_prefix = |line: String| {
            let said = line.strip_prefix(&who)?;
            if said.is_empty() { Some(String::new()) } else { said.strip_prefix(' ').map(str::to_owned) }
        };
        eventually(SOON, &format!("{who} says {count} lines"), || {
            let of_id = self.lines.matching(|record| record.key.as_deref() == Some(id));
            let said: Vec<_> = of_id.iter().filter_map(|record| after_prefix(record.text())).collect();
            (said.len() >= count).then_some(said)
        })
    }

    /// Takes a payload out of the playground's egress.
    pub(crate) fn playground(&self, topic: &str) -> Option<String> {
        let answer = self.http.get(&format!("http://127.0.0.1:{}/{topic}", self.playground_egress));
        (answer.status == 200).then(|| answer.text())
    }

    pub(crate) fn with_node<T>(&self, look: impl FnOnce(&Node) -> T) -> T {
        look(self.lock().as_ref().expect("the node runs"))
    }

    /// `kill -9` and a new start on the same data.
    pub(crate) fn crash(&self) {
        let mut node = self.lock();
        node.take().expect("the node runs").kill();
        *node = Some(self.application.start());
    }

    fn lock(&self) -> MutexGuard<'_, Option<Node>> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn typename(language: Language, function: &str) -> String {
    format!("it.{}/{function}", language.name())
}
