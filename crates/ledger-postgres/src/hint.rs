//! LISTEN: a node hears at once that there may be work. A hint and no more: it is lost with the connection, some changes
//! give none, and nothing is concluded from its absence.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ledger::LedgerError;
use runtime::Clock;
use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;

use crate::options::PostgresOptions;
use crate::tls;

/// How long until a listener that lost its connection tries again.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens for as long as the store's thread lives; each hint, or several, is one permit of `heard`.
pub(crate) async fn listen(options: PostgresOptions, clock: Arc<dyn Clock>, heard: Arc<Notify>) {
    loop {
        // Why it failed is of no use to anybody: whoever waits looks at the books by itself.
        let _ = listen_once(&options, &heard).await;
        clock.sleep(PAUSE).await;
    }
}

async fn listen_once(options: &PostgresOptions, heard: &Notify) -> Result<(), LedgerError> {
    let failed = |error: tokio_postgres::Error| LedgerError::Io {
        operation: "listening for work",
        reason: error.to_string(),
    };
    let (client, mut connection) = options.config.connect(tls::connector(options)?).await.map_err(failed)?;
    // The channel of `work_notify`.
    let sql = format!("LISTEN \"{}_work\"", options.schema);
    let mut listening = pin!(client.batch_execute(&sql));
    let mut is_listening = false;
    loop {
        tokio::select! {
            answer = &mut listening, if !is_listening => {
                answer.map_err(failed)?;
                is_listening = true;
                // Something may have been said before.
                heard.notify_one();
            }
            message = poll_fn(|context| connection.poll_message(context)) => match message {
                None => return Ok(()),
                Some(Ok(AsyncMessage::Notification(_))) => heard.notify_one(),
                Some(message) => drop(message.map_err(failed)?),
            },
        }
    }
}
