//! Who may watch which camera. GStreamer knows either logins for everything or a token for everybody; here each camera
//! has its own rule: without a login it is open, with one it asks by digest and answers 401 as real cameras do.

#![allow(unsafe_code, reason = "glib's macro for a subclass writes `unsafe impl`; nothing unsafe is written here")]

use gstreamer::glib;
use gstreamer::subclass::prelude::*;
use gstreamer_rtsp_server as gst_rtsp_server;
use gstreamer_rtsp_server::gst_rtsp;
use gstreamer_rtsp_server::prelude::*;
use gstreamer_rtsp_server::subclass::prelude::*;

use super::spec::CameraSpec;

glib::wrapper! {
    /// The door of a server.
    pub(super) struct Door(ObjectSubclass<imp::Door>) @extends gst_rtsp_server::RTSPAuth;
}

impl Door {
    /// The door of these cameras.
    pub(super) fn new(cameras: &[CameraSpec]) -> Self {
        let door: Self = glib::Object::new();
        door.set_supported_methods(gst_rtsp::RTSPAuthMethod::Digest);
        for spec in cameras {
            if let Some((user, password)) = &spec.login {
                let token = gst_rtsp_server::RTSPToken::builder()
                    .field(gst_rtsp_server::RTSP_TOKEN_MEDIA_FACTORY_ROLE, role(user))
                    .build();
                door.add_digest(user, password, &token);
            }
        }
        let locked = cameras.iter().filter(|spec| spec.login.is_some());
        let locked = locked.map(|spec| spec.name.clone()).collect();
        door.imp().locked.set(locked).expect("set once, here");
        door
    }
}

/// The role that a login has, and that its cameras let in.
pub(super) fn role(user: &str) -> String {
    format!("login-{user}")
}

mod imp {
    use std::collections::BTreeSet;
    use std::sync::OnceLock;

    use super::*;

    #[derive(Default)]
    pub(in super::super) struct Door {
        pub(super) locked: OnceLock<BTreeSet<String>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Door {
        const NAME: &'static str = "YiwangDoor";
        type Type = super::Door;
        type ParentType = gst_rtsp_server::RTSPAuth;
    }

    impl ObjectImpl for Door {}

    impl RTSPAuthImpl for Door {
        fn check(&self, context: &gst_rtsp_server::RTSPContext, check: &glib::GString) -> bool {
            let uri = context.uri().map(|uri| uri.request_uri());
            // rtsp://HOST/CAMERA/stream=0
            let camera = uri.as_ref().and_then(|uri| uri.split('/').nth(3));
            let locked = |camera: &str| self.locked.get().is_some_and(|all| all.contains(camera));
            !camera.is_some_and(locked) || self.parent_check(context, check)
        }
    }
}
